package handlers_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
)

// contract is the OpenAPI document, which every answer of a test server must keep (see do).
type contract struct {
	document *openapi3.T
	router   routers.Router
}

// readContract reads and validates the document.
var readContract = sync.OnceValues(func() (*contract, error) {
	openapi3filter.RegisterBodyDecoder("application/jwt", openapi3filter.FileBodyDecoder)
	document, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	router, err := legacy.NewRouter(document, openapi3.EnableSchemaFormatValidation())
	if err != nil {
		return nil, err
	}
	answers := []map[string]*openapi3.ResponseRef{document.Components.Responses}
	for _, item := range document.Paths.Map() {
		for _, operation := range item.Operations() {
			answers = append(answers, operation.Responses.Map())
		}
	}
	for _, responses := range answers {
		for _, response := range responses {
			for _, media := range response.Value.Content {
				if err := media.Schema.WalkSubtree(closeObject); err != nil {
					return nil, err
				}
			}
		}
	}
	return &contract{document, router}, nil
})

// closeObject makes a member that is not described a fault: callers pass over it, a test must not.
func closeObject(_ string, schema *openapi3.SchemaRef) error {
	if schema.Value.Properties != nil {
		closed := false
		schema.Value.AdditionalProperties.Has = &closed
	}
	return nil
}

// find returns the operation that describes a request with its path's parameters, and whether its path is described. HEAD is
// described as GET, a path without its final slash as the one with it.
func (c *contract) find(method, path string) (route *routers.Route, params map[string]string, known bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, path := range []string{path, path + "/"} {
		route, params, err := c.router.FindRoute(&http.Request{Method: method, URL: &url.URL{Path: path}})
		if err == nil {
			return route, params, true
		}
		if refused := new(routers.RouteError); errors.As(err, &refused) && refused.Reason == routers.ErrMethodNotAllowed.Error() {
			known = true
		}
	}
	return nil, nil, known
}

// elsewhere describes the answers to a request that no operation describes.
func (c *contract) elsewhere(method string, known bool) *routers.Route {
	answers := openapi3.NewResponsesWithCapacity(2)
	if known {
		answers.Set("405", c.document.Components.Responses["MethodNotAllowed"])
		answers.Set("401", c.document.Components.Responses["Unauthorized"])
		if method == http.MethodOptions {
			answers.Set("204", c.document.Components.Responses["Preflight"])
		}
	} else {
		answers.Set("404", c.document.Components.Responses["NotFound"])
	}
	return &routers.Route{Spec: c.document, Method: method, Operation: &openapi3.Operation{Responses: answers}}
}

// check tells how an answer, or a request that was served, differs from the document.
func (c *contract) check(request *http.Request, body string, a answer) error {
	route, params, known := c.find(request.Method, request.URL.Path)
	described := route != nil
	if !described {
		route = c.elsewhere(request.Method, known)
	}
	request = request.Clone(request.Context())
	request.Body = io.NopCloser(strings.NewReader(body))
	options := &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	asked := &openapi3filter.RequestValidationInput{Request: request, Route: route, PathParams: params, Options: options}
	if described && a.status < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(request.Context(), asked); err != nil {
			return fmt.Errorf("%s %s is served but not described: %w", request.Method, request.URL.Path, err)
		}
	}
	answered := &openapi3filter.ResponseValidationInput{RequestValidationInput: asked, Status: a.status, Header: a.header, Options: options}
	if err := openapi3filter.ValidateResponse(request.Context(), answered.SetBodyBytes([]byte(a.body))); err != nil {
		return fmt.Errorf("%s %s answers %d %q: %w", request.Method, request.URL.Path, a.status, a.body, err)
	}
	if response := route.Operation.Responses.Status(a.status); response != nil && len(response.Value.Content) == 0 && a.body != "" {
		return fmt.Errorf("%s %s answers %d with a body that is not described: %q", request.Method, request.URL.Path, a.status, a.body)
	}
	return nil
}

func TestOpenAPIDocumentIsServedToBeKeptForAWhile(t *testing.T) {
	s := newTestServer(t)
	want, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	a := s.do(http.MethodGet, "/openapi.yaml", "")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, string(want), a.body)
	require.Equal(t, "application/yaml", a.header.Get("Content-Type"))
	require.Equal(t, "public, max-age=300", a.header.Get("Cache-Control"))
	require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
	again := s.do(http.MethodGet, "/openapi.yaml", "", "If-None-Match: "+a.header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.status)
	require.Equal(t, a.header.Get("ETag"), again.header.Get("ETag"))
	require.Equal(t, http.StatusOK, s.do(http.MethodGet, "/openapi.yaml", "", `If-None-Match: "other"`).status)
	head := s.do(http.MethodHead, "/openapi.yaml", "")
	require.Equal(t, http.StatusOK, head.status)
	require.Equal(t, a.header.Get("ETag"), head.header.Get("ETag"))
}

func TestOpenAPIDescribesEveryRouteAndNothingElse(t *testing.T) {
	s := newTestServer(t)
	c, err := readContract()
	require.NoError(t, err)
	require.True(t, c.document.IsOpenAPI31OrLater())
	routed := make(map[string]bool)
	for _, r := range s.handler.Routes().(*gin.Engine).Routes() {
		routed[r.Method+" "+r.Path] = true
		route, _, known := c.find(r.Method, r.Path)
		require.True(t, known, "%s is not described", r.Path)
		if route == nil { // then it only refuses, or answers a preflight
			status := s.do(r.Method, r.Path, "").status
			toPage := status == http.StatusMovedPermanently && !strings.HasSuffix(r.Path, "/") // to the page of a path that is for POST
			require.True(t, status == http.StatusMethodNotAllowed || r.Method == http.MethodOptions && status == http.StatusNoContent || toPage ||
				status == http.StatusUnauthorized, // asked before the method is looked at
				"%s %s answers %d and is not described", r.Method, r.Path, status)
		}
	}
	for path, item := range c.document.Paths.Map() {
		for method := range item.Operations() {
			require.True(t, routed[method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path)], "%s %s is described but not routed", method, path)
		}
	}
}

// The document says which operations read a body; those refuse what they cannot read, the others do not.
func TestBodiesAreRefusedAsDescribed(t *testing.T) {
	s := newTestServer(t)
	in := s.json(login, object{"email": email, "password": password})
	c, err := readContract()
	require.NoError(t, err)
	for path, item := range c.document.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, a := range map[int]answer{
				http.StatusUnsupportedMediaType:  s.do(method, path, "x", bearer(in.text(t, "access_token")), "Content-Type: text/plain"),
				http.StatusRequestEntityTooLarge: s.do(method, path, strings.Repeat("x", 65<<10), bearer(in.text(t, "access_token")), formType),
			} {
				require.Equal(t, operation.Responses.Status(status) != nil, a.status == status, "%s %s: %d", method, path, a.status)
			}
			if path == logout { // it ended the session
				in = s.json(login, object{"email": email, "password": password})
			}
		}
	}
}

// Without its database the service says that the fault is ours, in each dialect; it never takes the lack of
// an answer for one.
func TestFaultsOfOursAreAnsweredAsDescribed(t *testing.T) {
	s := newTestServer(t)
	in := s.json(login, object{"email": email, "password": password})
	access, refresh := in.text(t, "access_token"), in.text(t, "refresh_token")
	c, err := readContract()
	require.NoError(t, err)
	require.NoError(t, s.database.Close())
	s.clock.move(2 * time.Second) // no cache has the client
	everything, err := json.Marshal(object{
		"email": email, "password": password, "password1": password, "password2": password, "refresh": refresh, "token": access, "first_name": "Ada",
		"key": "x", "uid": "1", "old_password": password, "new_password1": password, "new_password2": password,
	})
	require.NoError(t, err)
	for path, item := range c.document.Paths.Map() {
		for method, operation := range item.Operations() {
			var a answer
			switch {
			case strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/password-reset/"):
				a = s.do(method, strings.NewReplacer("{key}", "x", "{uid}", "1", "{token}", "x").Replace(path), string(everything), bearer(access), "Content-Type: application/json")
			case strings.HasPrefix(path, "/oauth2/register"):
				a = s.do(method, path, `{"redirect_uris":["https://app.example/cb"]}`, bearer("x"), "Content-Type: application/json")
			case path == "/oauth2/userinfo":
				a = s.do(method, path, "", bearer(access))
			default:
				a = s.do(method, path, encodeForm([]string{"grant_type", "client_credentials", "token", access}), basic(service, serviceSecret), formType)
			}
			require.Equal(t, operation.Responses.Status(http.StatusInternalServerError) != nil, a.status == http.StatusInternalServerError,
				"%s %s: %d %s", method, path, a.status, a.body)
		}
	}
}
