package passwords

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"sync"
)

// commonPasswordsFile is Django's list: almost 20,000 passwords in lower case, one a line. Its licence is in
// common-passwords.LICENSE.
//
//go:embed common-passwords.txt.gz
var commonPasswordsFile []byte

// commonPasswords are read when the first one is looked up.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	file, err := gzip.NewReader(bytes.NewReader(commonPasswordsFile))
	if err != nil {
		panic(err) // it is part of the program
	}
	text, err := io.ReadAll(file)
	if err != nil {
		panic(err)
	}
	set := make(map[string]struct{}, 20_000)
	for line := range strings.Lines(string(text)) {
		set[strings.TrimSpace(line)] = struct{}{}
	}
	return set
})

// isCommon tells whether a password, in lower case and without space around it, is in the list.
func isCommon(password string) bool {
	_, ok := commonPasswords()[password]
	return ok
}
