package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeKey(t *testing.T, change func(jwk map[string]string)) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32))) }
	jwk := map[string]string{"kty": "EC", "crv": "P-256", "kid": "k1", "x": number(key.X), "y": number(key.Y), "d": number(key.D)}
	change(jwk)
	text, err := json.Marshal(jwk)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dev-key.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return key, file
}

func TestATokenIsSignedByTheKeyOfTheFile(t *testing.T) {
	key, file := writeKey(t, func(map[string]string) {})
	signer, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign("u17")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(signed, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		t.Fatalf("signature of %d bytes, %v", len(signature), err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(&key.PublicKey, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Error("the signature does not verify")
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !strings.Contains(string(claims), `"sub":"u17"`) {
		t.Errorf("claims %s, %v", claims, err)
	}
}

func TestAKeyOfAnotherKindIsRefused(t *testing.T) {
	_, file := writeKey(t, func(jwk map[string]string) { jwk["crv"] = "P-384" })
	if _, err := Load(file); err == nil {
		t.Error("P-384 was taken")
	}
	_, file = writeKey(t, func(jwk map[string]string) { jwk["d"] = "AA" })
	if _, err := Load(file); err == nil {
		t.Error("a short private number was taken")
	}
}
