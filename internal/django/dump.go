package django

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/signet-id/signet/provider/transfer"
)

// ReadDump reads all users of a model from what `manage.py dumpdata` wrote, as JSON or as JSON lines.
// Objects of other models are passed over.
func ReadDump(dump io.Reader, model Model) (transfer.Source, error) {
	if err := model.check(); err != nil {
		return transfer.Source{}, err
	}
	c := newCollector()
	err := objects(dump, func(o object) {
		row := fmt.Sprintf("%s %v", o.Model, o.PK)
		switch o.Model {
		case model.label():
			o.Fields["id"] = o.PK
			c.addUser(row, o.Fields)
		case addressModel.label():
			c.addAddress(row, "user", o.Fields)
		}
	})
	if err != nil {
		return transfer.Source{}, err
	}
	if len(c.source.Users)+len(c.source.Faults) == 0 {
		return transfer.Source{}, fmt.Errorf("the dump has no object of the model %s: which is the user model?", model.label())
	}
	return c.finish(), nil
}

// object is one of a dump's.
type object struct {
	Model  string `json:"model"`
	PK     any    `json:"pk"`
	Fields record `json:"fields"`
}

// objects calls each with every object of a dump: the elements of one list, or one object after
// another. A dump that was cut off is an error.
func objects(dump io.Reader, each func(object)) error {
	text := bufio.NewReader(dump)
	decoder := json.NewDecoder(text)
	decoder.UseNumber()
	list, err := startsList(text)
	if err != nil {
		return err
	}
	if list {
		if _, err := decoder.Token(); err != nil {
			return dumpError(0, err)
		}
	}
	for n := 1; !list || decoder.More(); n++ {
		var o object
		switch err := decoder.Decode(&o); {
		case errors.Is(err, io.EOF) && !list:
			return nil
		case err != nil:
			return dumpError(n, err)
		case o.Model == "" || o.Fields == nil:
			return dumpError(n, errors.New("want model, pk and fields"))
		}
		each(o)
	}
	if _, err := decoder.Token(); err != nil {
		return dumpError(0, err)
	}
	if decoder.More() {
		return dumpError(0, errors.New("something follows the end"))
	}
	return nil
}

// startsList looks at the first letter of a dump.
func startsList(text *bufio.Reader) (bool, error) {
	for {
		letter, err := text.ReadByte()
		if err != nil {
			return false, dumpError(0, err)
		}
		switch letter {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return letter == '[', text.UnreadByte()
	}
}

// dumpError says where a dump is broken; 0 is its beginning or end.
func dumpError(n int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early")
	}
	if n == 0 {
		return fmt.Errorf("read dump: %w", err)
	}
	return fmt.Errorf("read dump: object %d: %w", n, err)
}
