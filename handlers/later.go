package handlers

import (
	"context"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
)

// background is work that goes on after its request was answered.
type background struct {
	working sync.WaitGroup
	places  chan struct{}
}

const (
	backgroundPlaces  = 64
	backgroundTimeout = 30 * time.Second
	// answerTime lets the answer get away before the work competes with it.
	answerTime = 10 * time.Millisecond
)

func newBackground() *background { return &background{places: make(chan struct{}, backgroundPlaces)} }

// later does work when the answer is on its way: what an address leads to must not show in the time
// that the answer takes. When too much is going on the caller waits.
func (s *Server) later(c *gin.Context, work func(ctx context.Context) error) {
	ctx := context.WithoutCancel(c.Request.Context())
	s.background.places <- struct{}{}
	s.background.working.Go(func() {
		defer func() { <-s.background.places }()
		time.Sleep(answerTime)
		ctx, cancel := context.WithTimeout(ctx, backgroundTimeout)
		defer cancel()
		if err := work(ctx); err != nil {
			s.Log.ErrorContext(ctx, "work after the answer failed", "request_id", provider.RequestFrom(ctx).ID, "error", err.Error())
		}
	})
}

// Wait returns when the work that goes on after answers is done.
func (s *Server) Wait() { s.background.working.Wait() }
