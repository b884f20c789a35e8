package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/signet-id/signet/provider"
)

type consentRow struct {
	UserID    int64     `gorm:"primaryKey;autoIncrement:false"`
	ClientID  string    `gorm:"primaryKey"`
	CreatedAt timestamp `gorm:"autoCreateTime:false"`
	GivenAt   timestamp
	Document  []byte
}

func (consentRow) TableName() string { return "consents" }

type consentDocument struct {
	Version int      `json:"v"`
	Scopes  []string `json:"scopes,omitempty"`
	Claims  []string `json:"claims,omitempty"`
}

// consentDocumentVersion is written now; older ones are read too.
const consentDocumentVersion = 1

func (r consentRow) consent() (provider.Consent, error) {
	var d consentDocument
	if err := json.Unmarshal(r.Document, &d); err != nil {
		return provider.Consent{}, fmt.Errorf("decode consent: %w", err)
	}
	if d.Version > consentDocumentVersion {
		return provider.Consent{}, fmt.Errorf("decode consent: %w", errNewerDocument)
	}
	return provider.Consent{
		UserID: r.UserID, ClientID: r.ClientID, Scopes: d.Scopes, Claims: d.Claims, CreatedAt: r.CreatedAt.Time, GivenAt: r.GivenAt.Time,
	}, nil
}

func (s *Store) SaveConsent(ctx context.Context, c provider.Consent) error {
	document, err := json.Marshal(consentDocument{Version: consentDocumentVersion, Scopes: c.Scopes, Claims: c.Claims})
	if err != nil {
		return fmt.Errorf("encode consent: %w", err)
	}
	found, err := s.exec(ctx, "UPDATE consents SET given_at = ?, document = ? WHERE user_id = ? AND client_id = ?",
		at(c.GivenAt), document, c.UserID, c.ClientID)
	if err == nil && found == 0 {
		_, err = s.exec(ctx, "INSERT INTO consents (user_id, client_id, created_at, given_at, document) VALUES (?, ?, ?, ?, ?)",
			c.UserID, c.ClientID, at(c.CreatedAt), at(c.GivenAt), document)
		if errors.Is(err, provider.ErrAlreadyExists) { // the user said yes in two tabs at once
			_, err = s.exec(ctx, "UPDATE consents SET given_at = ?, document = ? WHERE user_id = ? AND client_id = ?",
				at(c.GivenAt), document, c.UserID, c.ClientID)
		}
	}
	if err != nil {
		return fmt.Errorf("save consent: %w", err)
	}
	return nil
}

func (s *Store) RevokeConsent(ctx context.Context, userID int64, clientID string) error {
	if _, err := s.exec(ctx, "DELETE FROM consents WHERE user_id = ? AND client_id = ?", userID, clientID); err != nil {
		return fmt.Errorf("revoke consent: %w", err)
	}
	return nil
}

func (s *Store) ConsentsOfUser(ctx context.Context, userID int64) ([]provider.Consent, error) {
	var rows []consentRow
	if err := s.find(ctx, &rows, "client_id", 0, "user_id = ?", userID); err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	consents := make([]provider.Consent, len(rows))
	for i, row := range rows {
		var err error
		if consents[i], err = row.consent(); err != nil {
			return nil, err
		}
	}
	return consents, nil
}
