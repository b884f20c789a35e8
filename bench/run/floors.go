package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/signet-id/signet/storage/sqlstore"
)

// A Floor is what one step costs by itself, one after the other, in microseconds: no answer that needs it is cheaper.
type Floor struct {
	Name string `json:"name"`
	// CPU is this process's; Time also has the waiting for a store.
	CPU  float64 `json:"cpu_us"`
	Time float64 `json:"time_us"`
}

const (
	floorBatches = 5
	floorBatch   = 100 * time.Millisecond
)

// floor repeats a step and keeps the least that a batch of it took for each.
func floor(name string, step func() error) (Floor, error) {
	f := Floor{Name: name}
	for range floorBatches {
		began, spent := time.Now(), ownCPU()
		n := 0
		for ; n == 0 || time.Since(began) < floorBatch; n++ {
			if err := step(); err != nil {
				return Floor{}, fmt.Errorf("measure %s: %w", name, err)
			}
		}
		cpu, elapsed := micros(ownCPU()-spent)/float64(n), micros(time.Since(began))/float64(n)
		if f.Time == 0 || cpu < f.CPU {
			f.CPU = cpu
		}
		if f.Time == 0 || elapsed < f.Time {
			f.Time = elapsed
		}
	}
	return f, nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// ownCPU returns the CPU time of this process; the call cannot fail with these arguments.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// cryptoFloors measure what each token and each password cost.
func cryptoFloors() ([]Floor, error) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	digest := sha256.Sum256([]byte("header.payload"))
	signature, err := ec.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	var floors []Floor
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"ES256 signature", func() error { _, err := ec.Sign(nil, digest[:], crypto.SHA256); return err }},
		{"ES256 verification", func() error {
			if !ecdsa.VerifyASN1(&ec.PublicKey, digest[:], signature) {
				return errors.New("signature refused")
			}
			return nil
		}},
		{"RS256 signature", func() error { _, err := rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, digest[:]); return err }},
		{"argon2id 19 MiB, time 2", func() error { argon2.IDKey([]byte("password"), digest[:16], 2, 19<<10, 1, 32); return nil }},
		{"argon2id 8 KiB, time 1", func() error { argon2.IDKey([]byte("password"), digest[:16], 1, 8, 1, 32); return nil }},
	} {
		f, err := floor(step.name, step.do)
		if err != nil {
			return nil, err
		}
		floors = append(floors, f)
	}
	return floors, nil
}

// redisFloor measures one round trip of one connection, without a library.
func redisFloor(ctx context.Context, addr string) (Floor, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return Floor{}, fmt.Errorf("connect to redis: %w", err)
	}
	answers := bufio.NewReader(conn)
	f, err := floor("Redis round trip", func() error {
		if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
			return err
		}
		_, err := answers.ReadSlice('\n')
		return err
	})
	return f, errors.Join(err, conn.Close())
}

// mariaDBFloor measures one round trip without the server's code.
func (b *bench) mariaDBFloor(ctx context.Context) (Floor, error) {
	db, err := b.openMariaDB()
	if err != nil {
		return Floor{}, err
	}
	f, err := floor("MariaDB round trip", func() error {
		var one int
		return db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	})
	return f, errors.Join(err, db.Close())
}

// sqlFloor measures the read of one user by its indexed address.
func sqlFloor(ctx context.Context, name, url, email string) (Floor, error) {
	store, err := sqlstore.Open(ctx, url, sqlstore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return Floor{}, fmt.Errorf("open database: %w", err)
	}
	f, err := floor(name, func() error { _, err := store.UserByEmail(ctx, email); return err })
	return f, errors.Join(err, store.Close())
}
