package load

import (
	"encoding/hex"
	"fmt"
	"time"
)

// A message begins with when it was meant to be sent, who sends it and its number, in hexadecimal, so that a
// listener needs nothing but the message to time it and to miss its predecessor.
const (
	stampBytes = 16
	stampText  = 2 * stampBytes
)

// Stamp is the head of a message.
type Stamp struct {
	Intended time.Duration
	Sender   uint32
	Number   uint32
}

// Body is a message of `size` bytes of ASCII, at least the stamp's.
func Body(size int, stamp Stamp) []byte {
	body := make([]byte, max(size, stampText))
	for i := stampText; i < len(body); i++ {
		body[i] = 'a' + byte((i+int(stamp.Number))%26)
	}
	var head [stampBytes]byte
	for i := range 8 {
		head[i] = byte(uint64(stamp.Intended) >> (56 - 8*i))
	}
	for i := range 4 {
		head[8+i] = byte(stamp.Sender >> (24 - 8*i))
		head[12+i] = byte(stamp.Number >> (24 - 8*i))
	}
	hex.Encode(body, head[:])
	return body
}

// ReadStamp reads the head of a message and compares its length with what was sent.
func ReadStamp(body []byte, size int) (Stamp, error) {
	if len(body) != max(size, stampText) {
		return Stamp{}, fmt.Errorf("a message of %d bytes arrived with %d", size, len(body))
	}
	var head [stampBytes]byte
	if _, err := hex.Decode(head[:], body[:stampText]); err != nil {
		return Stamp{}, fmt.Errorf("a message arrived altered: %w", err)
	}
	var stamp Stamp
	for i := range 8 {
		stamp.Intended = stamp.Intended<<8 | time.Duration(head[i])
	}
	for i := range 4 {
		stamp.Sender = stamp.Sender<<8 | uint32(head[8+i])
		stamp.Number = stamp.Number<<8 | uint32(head[12+i])
	}
	return stamp, nil
}

// ReadIntended reads no more of a message than its length and when it was meant to be sent: of hundreds of thousands a second.
func ReadIntended(body []byte, size int) (time.Duration, error) {
	if len(body) != max(size, stampText) {
		return 0, fmt.Errorf("a message of %d bytes arrived with %d", size, len(body))
	}
	var intended uint64
	for _, digit := range body[:16] {
		value := digit - '0'
		if value > 9 {
			value = digit - 'a' + 10
		}
		if value > 15 {
			return 0, fmt.Errorf("a message arrived altered: it begins with %q", body[:16])
		}
		intended = intended<<4 | uint64(value)
	}
	return time.Duration(intended), nil
}
