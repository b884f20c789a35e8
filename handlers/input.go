package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
)

// input is a request body of the account API, whatever its type: fields by name, each as it was
// sent.
type input map[string]any

// maxJSONDepth bounds a nesting that no field of ours has.
const maxJSONDepth = 32

// readInput reads JSON, a form or multipart. An empty body is an empty object. Query parameters are
// never fields.
func readInput(c *gin.Context) (input, error) {
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return input{}, nil
	}
	header := c.GetHeader("Content-Type")
	mediaType, params, err := mime.ParseMediaType(header)
	if err != nil {
		mediaType = ""
	}
	switch mediaType {
	case "application/json":
		return jsonInput(body)
	case "application/x-www-form-urlencoded":
		return formInput(body)
	case "multipart/form-data":
		return multipartInput(body, params["boundary"])
	default:
		return nil, &apiError{http.StatusUnsupportedMediaType, detail{fmt.Sprintf("Unsupported media type \"%s\" in request.", header)}, false}
	}
}

func jsonInput(body []byte) (input, error) {
	if fault := jsonFault(body); fault != "" {
		return nil, malformedJSON(fault)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, malformedJSON("the body is not valid JSON")
	}
	switch v := value.(type) {
	case map[string]any:
		return v, nil
	case nil:
		return nil, provider.Invalid(provider.NonField, "No data provided")
	default:
		return nil, provider.Invalid(provider.NonField, "Invalid data. Expected a dictionary, but got "+pythonType(v)+".")
	}
}

func malformedJSON(fault string) error {
	return &apiError{http.StatusBadRequest, detail{"JSON parse error - " + fault}, false}
}

// pythonType is what the recorded API calls a JSON value.
func pythonType(v any) string {
	switch v := v.(type) {
	case string:
		return "str"
	case bool:
		return "bool"
	case []any:
		return "list"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float"
		}
		return "int"
	default:
		return "dict"
	}
}

func formInput(body []byte) (input, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &apiError{http.StatusBadRequest, detail{"Form parse error"}, false}
	}
	in := make(input, len(values))
	for name, v := range values {
		in[name] = v[len(v)-1] // the last one wins
	}
	return in, nil
}

func multipartInput(body []byte, boundary string) (input, error) {
	fault := &apiError{http.StatusBadRequest, detail{"Multipart form parse error"}, false}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	in := make(input)
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return in, nil
		}
		if err != nil {
			return nil, fault
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, fault
		}
		if part.FileName() == "" {
			in[part.FormName()] = string(value)
		}
	}
}

// field says what a field of the account API must be.
type field struct {
	name string
	// optional fields may be absent; they are then "".
	optional bool
	// blank allows "".
	blank bool
	// max is the longest value in characters; 0: no bound.
	max int
	// email asks for the form of an address.
	email bool
}

// read checks the fields one by one and returns their values; it reports all faults together, in the
// order of the fields.
func (in input) read(fields ...field) (map[string]string, error) {
	values := make(map[string]string, len(fields))
	invalid := &provider.InvalidError{}
	for _, f := range fields {
		value, ok := in[f.name]
		if !ok {
			if !f.optional {
				invalid.Fields = append(invalid.Fields, provider.FieldError{Field: f.name, Message: "This field is required."})
			}
			continue
		}
		text, fault := f.text(value)
		if fault != "" {
			invalid.Fields = append(invalid.Fields, provider.FieldError{Field: f.name, Message: fault})
			continue
		}
		values[f.name] = text
	}
	if len(invalid.Fields) > 0 {
		return nil, invalid
	}
	return values, nil
}

// text is one field's value, or what is wrong with it.
func (f field) text(value any) (text, fault string) {
	switch v := value.(type) {
	case nil:
		return "", "This field may not be null."
	case string:
		text = strings.TrimSpace(v)
	case json.Number:
		text = v.String()
	default:
		if f.email {
			return "", "Enter a valid email address."
		}
		return "", "Not a valid string."
	}
	switch {
	case strings.ContainsRune(text, 0):
		return "", "Null characters are not allowed."
	case text == "" && !f.blank:
		return "", "This field may not be blank."
	case f.max > 0 && utf8.RuneCountInString(text) > f.max:
		return "", fmt.Sprintf("Ensure this field has no more than %d characters.", f.max)
	}
	if f.email && text != "" {
		// Nobody has an address that is too long; where none is made, it is as good as any other.
		if _, err := provider.CanonicalEmail(text); err != nil && !errors.Is(err, provider.ErrEmailTooLong) {
			return "", "Enter a valid email address."
		}
	}
	return text, ""
}
