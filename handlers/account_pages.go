package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/templates"
)

// visitor is who is signed in on the account pages.
type visitor struct {
	user    provider.User
	session provider.LoginSession
}

// accountHandler answers a request of somebody who is signed in.
type accountHandler func(c *gin.Context, v visitor) error

// accountPage adapts a handler of an account page to gin. Who is not signed in is sent there first, and comes
// back by GET.
func (s *Server) accountPage(h accountHandler) gin.HandlerFunc {
	return s.onPage(func(c *gin.Context) error {
		user, session, err := s.loggedIn(c)
		if errors.Is(err, provider.ErrNotFound) {
			seeOther(c, templates.Onward(loginPath, "", c.Request.URL.Path))
			return nil
		}
		if err != nil {
			return err
		}
		c.Set(accountKey, user.Email)
		return h(c, visitor{user, session})
	})
}

// accountHome answers GET /account.
func (s *Server) accountHome(c *gin.Context, _ visitor) error {
	seeOther(c, "/account/profile")
	return nil
}

// done begins the query of a page that says what was done just now.
const done = "?done"

func isDone(c *gin.Context) bool { return c.Request.URL.RawQuery == done[1:] }

// passwordPage answers GET /account/password.
func (s *Server) passwordPage(c *gin.Context, v visitor) error {
	s.page(c, http.StatusOK, templates.PasswordView{Account: v.user.Email, OldRequired: !s.Accounts.OldPasswordOptional, Saved: isDone(c)}, policy{})
	return nil
}

// changePassword answers the form's POST. Everybody who was signed in is signed out, but for this browser.
func (s *Server) changePassword(c *gin.Context, v visitor) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	values, err := inputOf(form).read(append([]field{s.oldPassword()}, s.newPassword()...)...)
	if err == nil {
		err = s.Accounts.ChangePassword(ctx, v.user.ID, values["old_password"], chosen(values))
	}
	if faults := faultsOf(err); len(faults) > 0 {
		s.page(c, http.StatusUnprocessableEntity, templates.PasswordView{
			Account: v.user.Email, OldRequired: !s.Accounts.OldPasswordOptional, Faults: faults,
		}, policy{})
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.Engine.EndAllSessions(ctx, v.user.ID); err != nil {
		return err
	}
	if _, err := s.startSession(c, v.user, v.session.Remembered); err != nil {
		return err
	}
	seeOther(c, "/account/password"+done)
	return nil
}

// sessionsPage answers GET /account/sessions.
func (s *Server) sessionsPage(c *gin.Context, v visitor) error {
	sessions, err := s.Engine.LivingSessions(c.Request.Context(), v.user)
	if err != nil {
		return err
	}
	view, zone := templates.SessionsView{Account: v.user.Email, Ended: isDone(c)}, zoneOf(v.user)
	for _, session := range sessions {
		view.Sessions = append(view.Sessions, templates.SessionRow{
			ID: session.ID, UserAgent: session.UserAgent, RemoteAddr: session.RemoteAddr, SignedInAt: session.AuthTime.In(zone),
			SeenAt: session.SeenAt.In(zone), Current: session.ID == v.session.ID,
		})
	}
	s.page(c, http.StatusOK, view, policy{})
	return nil
}

// endSessions answers the POST of /account/sessions: of one browser's button, or of the one for all.
func (s *Server) endSessions(c *gin.Context, v visitor) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	if form.Get("action") == "end-all" {
		if err := s.Engine.EndAllSessions(ctx, v.user.ID); err != nil {
			return err
		}
		seeOther(c, loginPath)
		return nil
	}
	sessions, err := s.Engine.LivingSessions(ctx, v.user)
	if err != nil {
		return err
	}
	for _, session := range sessions {
		if session.ID != form.Get("session") {
			continue
		}
		if err := s.Engine.EndLoginSession(ctx, session); err != nil {
			return err
		}
	}
	seeOther(c, "/account/sessions"+done)
	return nil
}

// appsPage answers GET /account/apps.
func (s *Server) appsPage(c *gin.Context, v visitor) error {
	apps, err := s.Engine.Apps(c.Request.Context(), v.user)
	if err != nil {
		return err
	}
	view, zone := templates.AppsView{Account: v.user.Email, Ended: isDone(c)}, zoneOf(v.user)
	for _, app := range apps {
		row := templates.AppRow{ClientID: app.Client.ID, Client: *clientView(app.Client), Scopes: app.Scopes, Claims: app.Consent.Claims}
		if !app.Consent.GivenAt.IsZero() {
			row.GivenAt = app.Consent.GivenAt.In(zone)
		}
		if !app.LastUsedAt.IsZero() {
			row.LastUsedAt = app.LastUsedAt.In(zone)
		}
		view.Apps = append(view.Apps, row)
	}
	s.page(c, http.StatusOK, view, policy{})
	return nil
}

// endApp answers the POST of /account/apps.
func (s *Server) endApp(c *gin.Context, v visitor) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	if err := s.Engine.EndApp(c.Request.Context(), v.user.ID, form.Get("client_id")); err != nil {
		return err
	}
	seeOther(c, "/account/apps"+done)
	return nil
}

// zoneOf is the time zone that a user reads times in.
func zoneOf(u provider.User) *time.Location {
	if u.Profile.Zoneinfo == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(u.Profile.Zoneinfo)
	if err != nil {
		return time.UTC // this machine does not know it
	}
	return zone
}
