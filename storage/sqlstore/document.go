package sqlstore

import (
	"encoding/json"
	"errors"
)

// errNewerDocument says that a newer release wrote the record. Reading it would lose what this
// release does not know.
var errNewerDocument = errors.New("the record was written by a newer release")

func decodeDocument(document []byte, into any) error { return json.Unmarshal(document, into) }
