package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/signet-id/signet/provider/outbox"
)

// PostForm posts a form. It returns nil if the answer was a success (2xx), whatever it says. outbox.ErrRefused:
// the target must not be reached, which another attempt does not change.
func (c *Client) PostForm(ctx context.Context, target string, form url.Values) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := c.Do(request)
	if errors.Is(err, ErrForbidden) {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4<<10)) // so that the connection can be used again
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("answered with status %d", response.StatusCode)
	}
	return nil
}
