package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
)

// The shortest secrets that somebody may choose; the second signs by HS256 (RFC 7518 §3.2).
const (
	minChosenSecret  = 16
	minSigningSecret = 32
)

// errNoSecret says that a client proves itself otherwise.
var errNoSecret = errors.New("client_secret must be absent with this token_endpoint_auth_method")

// takesSecret tells whether a client's way of authentication needs a secret.
func takesSecret(c *provider.Client) bool {
	return c.TokenEndpointAuthMethod != provider.AuthMethodNone && c.TokenEndpointAuthMethod != provider.AuthMethodPrivateKeyJWT
}

// giveSecret gives a client a secret, chosen or else generated, and returns what is to be shown of it. Clients that prove
// themselves otherwise get none.
func (o *operator) giveSecret(ctx context.Context, c *provider.Client, chosen string) (shown string, err error) {
	shortest := minChosenSecret
	if c.TokenEndpointAuthMethod == provider.AuthMethodClientSecretJWT {
		shortest = minSigningSecret
	}
	c.SecretHashes, c.SealedSecret = nil, nil
	secret := chosen
	switch {
	case !takesSecret(c) && chosen == "":
		return "", nil
	case !takesSecret(c):
		return "", usageError{errNoSecret}
	case chosen == "":
		secret = clientsecrets.Generate()
		shown = secret
	case len(chosen) < shortest:
		return "", usageError{fmt.Errorf("a secret of your own choice needs %d characters; leave --secret away for a generated one", shortest)}
	}
	if c.TokenEndpointAuthMethod == provider.AuthMethodClientSecretJWT {
		c.SealedSecret, err = o.sealSecret(c.ID, secret)
		return shown, err
	}
	hash := clientsecrets.Hash(secret)
	if chosen != "" {
		hash, err = clientsecrets.HashChosen(ctx, o.accounts.Passwords, chosen)
	}
	c.SecretHashes = []provider.SecretHash{{Hash: hash}}
	return shown, err
}

func (o *operator) sealSecret(clientID, secret string) ([]byte, error) {
	master, err := openMaster(o.config)
	if err != nil {
		return nil, err
	}
	return clientsecrets.Seal(master, clientID, secret)
}

// fitSecret generates the secret that a client's way of authentication needs and the client lacks, and drops what is of
// no use to it.
func (o *operator) fitSecret(ctx context.Context, c *provider.Client) (shown string, err error) {
	if c.TokenEndpointAuthMethod == provider.AuthMethodClientSecretJWT && len(c.SealedSecret) > 0 {
		c.SecretHashes = nil
		return "", nil
	}
	if c.TokenEndpointAuthMethod != provider.AuthMethodClientSecretJWT && takesSecret(c) && len(c.SecretHashes) > 0 {
		c.SealedSecret = nil
		return "", nil
	}
	return o.giveSecret(ctx, c, "")
}

// rotateSecret gives a client a new secret; the old one stays valid for the overlap.
func (o *operator) rotateSecret(ctx context.Context, c *provider.Client, overlap time.Duration) (shown string, err error) {
	if !takesSecret(c) {
		return "", fmt.Errorf("the client has no secret: its token_endpoint_auth_method is %s", c.TokenEndpointAuthMethod)
	}
	if overlap > 0 && len(c.SecretHashes) == 0 {
		return "", usageError{fmt.Errorf("--overlap is not possible with token_endpoint_auth_method %s", c.TokenEndpointAuthMethod)}
	}
	old := c.SecretHashes
	if shown, err = o.giveSecret(ctx, c, ""); err != nil || overlap <= 0 {
		return shown, err
	}
	last := old[0]
	last.ExpiresAt = time.Now().UTC().Add(overlap)
	c.SecretHashes = append(c.SecretHashes, last)
	return shown, nil
}
