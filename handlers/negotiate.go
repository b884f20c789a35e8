package handlers

import (
	"mime"
	"strconv"
	"strings"
)

// form is how an answer of the account API is written.
type form int

const (
	formNone form = iota // the caller accepts neither
	formJSON
	formPage
)

// negotiate reads the Accept header (RFC 9110 §12.5.1): a page for browsers, which ask for text/html
// before anything else, and JSON for everybody who takes it.
func negotiate(accept string) form {
	if strings.TrimSpace(accept) == "" {
		return formJSON
	}
	jsonQuality, pageQuality := 0.0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		mediaType, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		quality, err := strconv.ParseFloat(params["q"], 64)
		if err != nil {
			quality = 1
		}
		switch mediaType {
		case "application/json", "application/*", "*/*":
			jsonQuality = max(jsonQuality, quality)
		case "text/html", "text/*":
			pageQuality = max(pageQuality, quality)
		}
	}
	switch {
	case pageQuality > jsonQuality:
		return formPage
	case jsonQuality > 0:
		return formJSON
	}
	return formNone
}
