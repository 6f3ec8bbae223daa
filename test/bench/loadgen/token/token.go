// Package token signs Parley tokens with the dev key that a platform made at its first start.
package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"time"
)

const (
	issuer   = "parley-dev"
	audience = "parley"
	// Longer than any bench.
	lifetime = 24 * time.Hour
)

// Signer makes tokens of the dev key.
type Signer struct {
	key    *ecdsa.PrivateKey
	header string
}

// Load reads the key: a private P-256 JWK.
func Load(file string) (*Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var jwk struct{ Kty, Crv, X, Y, D, Kid string }
	if err := json.Unmarshal(text, &jwk); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if jwk.Kty != "EC" || jwk.Crv != "P-256" {
		return nil, fmt.Errorf("%s: the key is %s %s, not EC P-256", file, jwk.Kty, jwk.Crv)
	}
	key := &ecdsa.PrivateKey{PublicKey: ecdsa.PublicKey{Curve: elliptic.P256()}}
	for value, into := range map[string]**big.Int{jwk.X: &key.X, jwk.Y: &key.Y, jwk.D: &key.D} {
		bytes, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil || len(bytes) != 32 {
			return nil, errors.Join(fmt.Errorf("%s: a number of the key is not 32 bytes of base64url", file), err)
		}
		*into = new(big.Int).SetBytes(bytes)
	}
	header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": jwk.Kid})
	if err != nil {
		return nil, err
	}
	return &Signer{key, base64.RawURLEncoding.EncodeToString(header)}, nil
}

// Sign gives a token of the user.
func (s *Signer) Sign(user string) (string, error) {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": issuer, "aud": audience, "sub": user, "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed := s.header + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature[:]), nil
}
