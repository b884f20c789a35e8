package sqlstore

import (
	"context"
	"fmt"

	"github.com/signet-id/signet/provider"
)

type signingKeyRow struct {
	ID          string `gorm:"primaryKey"`
	Algorithm   string
	Generation  int
	PrivateKey  []byte
	CreatedAt   timestamp `gorm:"autoCreateTime:false"`
	ActivatesAt timestamp
}

func (signingKeyRow) TableName() string { return "signing_keys" }

func (s *Store) CreateSigningKey(ctx context.Context, k provider.SigningKey) error {
	row := signingKeyRow{
		ID: k.ID, Algorithm: k.Algorithm, Generation: k.Generation, PrivateKey: k.PrivateKey,
		CreatedAt: timestamp{micro(k.CreatedAt)}, ActivatesAt: timestamp{micro(k.ActivatesAt)},
	}
	if err := s.create(ctx, &row); err != nil {
		return fmt.Errorf("create signing key: %w", err)
	}
	return nil
}

func (s *Store) SigningKeys(ctx context.Context) ([]provider.SigningKey, error) {
	var rows []signingKeyRow
	if err := s.find(ctx, &rows, "algorithm, generation", 0, "algorithm >= ?", ""); err != nil {
		return nil, fmt.Errorf("list signing keys: %w", err)
	}
	keys := make([]provider.SigningKey, len(rows))
	for i, row := range rows {
		keys[i] = provider.SigningKey{
			ID: row.ID, Algorithm: row.Algorithm, Generation: row.Generation, PrivateKey: row.PrivateKey,
			CreatedAt: row.CreatedAt.Time, ActivatesAt: row.ActivatesAt.Time,
		}
	}
	return keys, nil
}

func (s *Store) DeleteSigningKey(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, "DELETE FROM signing_keys WHERE id = ?", id); err != nil {
		return fmt.Errorf("delete signing key: %w", err)
	}
	return nil
}
