package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/templates"
)

const (
	endSessionPath = "/oauth2/logout"
	logoutPath     = "/logout"
)

// framesLoad is how long, in seconds, the pages of clients have to be loaded in frames before the browser goes on.
const framesLoad = "2"

// endSessionPage answers GET and POST /oauth2/logout (OpenID Connect RP-Initiated Logout §2).
func (s *Server) endSessionPage(c *gin.Context) error {
	step, err := s.Engine.NextLogoutStep(c.Writer, c.Request, s.browser(c))
	if err != nil {
		return err
	}
	s.showLogout(c, step)
	return nil
}

// logoutPage answers GET /logout.
func (s *Server) logoutPage(c *gin.Context) error {
	step, err := s.Engine.ResumeLogout(c.Request.Context(), c.Query("request"), s.browser(c))
	if err != nil {
		return err
	}
	s.showLogout(c, step)
	return nil
}

// logoutFromPage answers POST /logout.
func (s *Server) logoutFromPage(c *gin.Context) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	if form.Get("action") == "cancel" {
		seeOther(c, homePath)
		return nil
	}
	step, err := s.Engine.Logout(c.Request.Context(), form.Get("request"), s.browser(c))
	if err != nil {
		return err
	}
	s.showLogout(c, step)
	return nil
}

// showLogout answers with the page that a logout needs next, or sends a browser that is signed out back to where
// it came from.
func (s *Server) showLogout(c *gin.Context, step oidc.LogoutStep) {
	language := s.language(c, strings.Join(step.UILocales, " "))
	switch step.Page {
	case oidc.LogoutRestart:
		seeOther(c, logoutPath+"?request="+url.QueryEscape(step.Handle))
	case oidc.LogoutConfirm:
		view := templates.LogoutView{Account: step.Account, Request: step.Handle}
		if step.Client != nil {
			view.Client = clientView(*step.Client)
		}
		s.pageFor(c, http.StatusOK, view, towards(step.Continue), language)
	case oidc.LogoutDone:
		if s.browser(c).Session != "" {
			s.setCookie(c, loginCookie, "", -time.Second)
		}
		if step.Continue != "" && len(step.Frames) == 0 {
			seeOther(c, step.Continue)
			return
		}
		if step.Continue != "" {
			c.Header("Refresh", framesLoad+"; url="+step.Continue)
		}
		s.pageFor(c, http.StatusOK, templates.LoggedOutView{Frames: step.Frames, Continue: step.Continue}, framing(step.Frames), language)
	}
}

// framing allows the pages of some addresses in frames.
func framing(addresses []string) policy {
	var allowed policy
	for _, address := range addresses {
		if source := cspSource(address); source != "" && !slices.Contains(allowed.frames, source) {
			allowed.frames = append(allowed.frames, source)
		}
	}
	return allowed
}
