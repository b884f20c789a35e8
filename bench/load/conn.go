package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	answerTimeout = 30 * time.Second
	// maxBody bounds an answer; the longest that a scenario asks for has a few kilobytes.
	maxBody = 1 << 20
)

var (
	errAnswer = errors.New("not an HTTP/1.1 answer with a length")
	errTooBig = errors.New("answer too big")
)

// A conn is one keep-alive connection, dialled again when the server closes it.
type conn struct {
	addr   string
	net    net.Conn
	reader *bufio.Reader
	body   []byte
	// heard, unless nil, hears cookies and redirects.
	heard *browser
}

// do sends a request and reads its answer. The body is valid until the next call.
func (c *conn) do(ctx context.Context, request []byte) (status int, body []byte, err error) {
	if c.net == nil {
		if err := c.dial(ctx); err != nil {
			return 0, nil, err
		}
	}
	// The answer is waited for after ctx has ended too, so that no started request is lost.
	if err := c.net.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, nil, errors.Join(fmt.Errorf("set deadline: %w", err), c.close())
	}
	if _, err := c.net.Write(request); err != nil {
		return 0, nil, errors.Join(fmt.Errorf("send request: %w", err), c.close())
	}
	status, keep, err := c.read()
	if err != nil {
		return 0, nil, errors.Join(fmt.Errorf("read answer: %w", err), c.close())
	}
	if !keep {
		err = c.close()
	}
	return status, c.body, err
}

func (c *conn) dial(ctx context.Context) error {
	dialed, err := (&net.Dialer{Timeout: answerTimeout}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	c.use(dialed)
	return nil
}

func (c *conn) use(dialed net.Conn) {
	c.net = dialed
	if c.reader == nil {
		c.reader = bufio.NewReaderSize(dialed, 8<<10)
	}
	c.reader.Reset(dialed)
}

func (c *conn) close() error {
	if c.net == nil {
		return nil
	}
	err := c.net.Close()
	c.net = nil
	return err
}

// read reads one answer (RFC 9112 §6) into c.body, and tells whether the connection stays open.
func (c *conn) read() (status int, keep bool, err error) {
	line, err := c.line()
	if err != nil {
		return 0, false, err
	}
	version, rest, _ := bytes.Cut(line, []byte(" "))
	if string(version) != "HTTP/1.1" || len(rest) < 3 {
		return 0, false, errAnswer
	}
	if status, err = strconv.Atoi(string(rest[:3])); err != nil {
		return 0, false, errAnswer
	}
	length, chunked, keep := -1, false, true
	for {
		if line, err = c.line(); err != nil {
			return 0, false, err
		}
		if len(line) == 0 {
			break
		}
		switch {
		case c.heard != nil && hasName(line, "location:"):
			c.heard.location = headerValue(line)
		case c.heard != nil && hasName(line, "set-cookie:"):
			c.heard.setCookie(headerValue(line))
		case hasName(line, "content-length:"):
			if length, err = strconv.Atoi(headerValue(line)); err != nil {
				return 0, false, errAnswer
			}
		case hasName(line, "transfer-encoding:"):
			chunked = strings.EqualFold(headerValue(line), "chunked")
		case hasName(line, "connection:"):
			keep = !strings.EqualFold(headerValue(line), "close")
		}
	}
	c.body = c.body[:0]
	switch {
	case chunked:
		return status, keep, c.readChunks()
	case length >= 0:
		return status, keep, c.readBody(length)
	case status == 204 || status == 304:
		return status, keep, nil
	default:
		return 0, false, errAnswer
	}
}

// line reads a line without its end. It is valid until the next read.
func (c *conn) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// readBody appends n bytes to the body.
func (c *conn) readBody(n int) error {
	start := len(c.body)
	if start+n > maxBody {
		return errTooBig
	}
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.reader, c.body[start:])
	return err
}

// readChunks reads a chunked body (RFC 9112 §7.1) and its trailer.
func (c *conn) readChunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil {
			return errAnswer
		}
		if n == 0 {
			break
		}
		if err := c.readBody(int(n)); err != nil {
			return err
		}
		if _, err := c.line(); err != nil {
			return err
		}
	}
	for {
		if line, err := c.line(); err != nil || len(line) == 0 {
			return err
		}
	}
}

// A browser keeps what answers tell it to: cookies, and where to go.
type browser struct {
	cookies  map[string]string
	location string
}

func (b *browser) setCookie(header string) {
	pair, _, _ := strings.Cut(header, ";")
	name, value, _ := strings.Cut(pair, "=")
	b.cookies[name] = value
}

func hasName(header []byte, lowerName string) bool {
	return len(header) >= len(lowerName) && strings.EqualFold(string(header[:len(lowerName)]), lowerName)
}

func headerValue(header []byte) string {
	_, value, _ := bytes.Cut(header, []byte(":"))
	return string(bytes.TrimSpace(value))
}
