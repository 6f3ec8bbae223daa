package parley

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley.chat/bench/fake"
	"parley.chat/bench/load"
	"parley.chat/bench/token"
)

func signer(t *testing.T) *token.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32))) }
	jwk, err := json.Marshal(map[string]string{"kty": "EC", "crv": "P-256", "x": number(key.X), "y": number(key.Y), "d": number(key.D)})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, jwk, 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := token.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func carrierTo(t *testing.T, script fake.Script, options Options) (*Carrier, *fake.Server) {
	t.Helper()
	server, err := fake.Start(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	options.Target, options.Signer = server.Address, signer(t)
	options.Sources = []string{"127.0.0.2", "127.0.0.3"}
	return New(options), server
}

func inTime(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

var quickPairs = load.Pairs{Pairs: 3, Size: 300, For: 300 * time.Millisecond, Patience: 2 * time.Second, Opening: 8}

func TestPairsTalkAndNothingIsLost(t *testing.T) {
	carrier, _ := carrierTo(t, fake.Script{}, Options{Receipts: EachReceipts})
	meter := &load.Meter{Clock: load.NewClock()}
	result, err := quickPairs.Run(inTime(t), carrier, meter)
	if err != nil {
		t.Fatal(err)
	}
	if result.Arrived < 20 || result.Lost+result.Unacked+result.Unsettled != 0 || carrier.Tally().Receipts == 0 {
		t.Errorf("%+v %+v", result, carrier.Tally())
	}
	if meter.Received.Count() == 0 || meter.Received.QuantileMs(0.5) <= 0 || meter.Acked.Count() == 0 {
		t.Errorf("%d received in %v ms", meter.Received.Count(), meter.Received.QuantileMs(0.5))
	}
}

func TestAServerThatIsSlowToStartIsAskedAgain(t *testing.T) {
	carrier, _ := carrierTo(t, fake.Script{SlowToStart: 1}, Options{})
	if thread, err := carrier.Direct(inTime(t), "bench-0", "bench-1"); err != nil || thread == "" {
		t.Errorf("thread %q, %v", thread, err)
	}
}

func TestPairsThatThinkSendAtTheirPace(t *testing.T) {
	carrier, _ := carrierTo(t, fake.Script{}, Options{Receipts: SdkReceipts})
	pairs := quickPairs
	pairs.Think, pairs.For, pairs.Patience = 50*time.Millisecond, time.Second, 10*time.Second
	result, err := pairs.Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil {
		t.Fatal(err)
	}
	// Six users, at most 20 messages a second each, and one under way at either end.
	if most := 6 * (20*result.Seconds + 2); float64(result.Arrived) > most || result.Arrived < 20 || result.Unsettled != 0 {
		t.Errorf("%+v", result)
	}
}

// onceTo tells everything once, but one entry, the first above 40 for a user, `times` times.
func onceTo(to string, times int) func(user string, sequence uint64) int {
	done := false
	return func(user string, sequence uint64) int {
		if user != to || sequence < 40 || done {
			return 1
		}
		done = true
		return times
	}
}

func TestAMessageThatNeverArrivesIsLost(t *testing.T) {
	carrier, _ := carrierTo(t, fake.Script{Tell: onceTo("bench-1", 0)}, Options{})
	result, err := quickPairs.Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil {
		t.Fatal(err)
	}
	if result.Lost != 1 || result.Unacked != 0 || result.Unsettled == 0 {
		t.Errorf("%+v", result)
	}
}

func TestAnEntryToldTwiceIsCountedOnce(t *testing.T) {
	carrier, _ := carrierTo(t, fake.Script{Tell: onceTo("bench-1", 3)}, Options{})
	result, err := quickPairs.Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil {
		t.Fatal(err)
	}
	if carrier.Tally().Duplicated != 2 || result.Lost != 0 {
		t.Errorf("%+v %+v", result, carrier.Tally())
	}
}

func TestARefusalEndsTheRunWithItsReason(t *testing.T) {
	carrier, _ := carrierTo(t, fake.Script{Refuse: func(_ string, message int) string {
		if message == 30 {
			return "RATE_LIMITED"
		}
		return ""
	}}, Options{})
	_, err := quickPairs.Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err == nil || !strings.Contains(err.Error(), "RATE_LIMITED") {
		t.Errorf("got %v", err)
	}
}

func TestReceiptsThatNeverComeAreUnsettled(t *testing.T) {
	carrier, _ := carrierTo(t, fake.Script{HideReads: true}, Options{Receipts: EachReceipts})
	result, err := quickPairs.Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil || result.Unsettled != 6 {
		t.Errorf("%+v, %v", result, err)
	}
}

var quickFanout = load.Fanout{
	Listeners: 150, Senders: 2, Rate: 100, Size: 300, For: 500 * time.Millisecond, Patience: 2 * time.Second, Opening: 8,
}

func TestAGroupHearsEveryMessageAndAcknowledges(t *testing.T) {
	carrier, server := carrierTo(t, fake.Script{}, Options{})
	fanout := quickFanout
	fanout.For, fanout.Patience = 2*time.Second, 10*time.Second
	result, err := fanout.Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil {
		t.Fatal(err)
	}
	if result.Lost+result.Unacked+result.Unsettled != 0 || result.Messages < 50 {
		t.Errorf("%+v", result)
	}
	if acknowledged := server.Acknowledged("bench-150"); acknowledged < 2 || acknowledged > server.Head() {
		t.Errorf("a listener acknowledged up to %d of %d", acknowledged, server.Head())
	}
}

func TestDeliveriesThatNeverCameAreLostAndSkippedOnesAreNot(t *testing.T) {
	last := func(user string, sequence uint64) bool { return user == "bench-60" && sequence >= 20 && sequence < 30 }
	carrier, _ := carrierTo(t, fake.Script{Skip: last}, Options{})
	result, err := quickFanout.Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil || result.Lost != 0 || carrier.Tally().Skipped != 10 {
		t.Errorf("skipped: %+v %+v, %v", result, carrier.Tally(), err)
	}
	dropping := fake.Script{Tell: func(user string, sequence uint64) int {
		if last(user, sequence) {
			return 0
		}
		return 1
	}}
	carrier, _ = carrierTo(t, dropping, Options{})
	result, err = quickFanout.Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil || result.Lost != 10 || result.Unsettled != 1 {
		t.Errorf("dropped: %+v, %v", result, err)
	}
}

func idle(streams int, beat time.Duration) load.Connections {
	return load.Connections{
		Streams: streams, WarmUpStreams: 5, For: time.Second, Beat: beat, Opening: 16, Progress: func(int) {},
	}
}

func TestIdleStreamsShareConnectionsAndBeat(t *testing.T) {
	carrier, server := carrierTo(t, fake.Script{}, Options{StreamsPerConn: 10})
	result, err := idle(35, 100*time.Millisecond).Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil {
		t.Fatal(err)
	}
	if result.Expired+result.Unanswered != 0 || result.Beats.Count() < 35 || server.Opened() != 40 {
		t.Errorf("%d expired, %d unanswered, %d beats, %d opened", result.Expired, result.Unanswered, result.Beats.Count(), server.Opened())
	}
}

func TestStreamsThatTheServerEndsAreExpiredWithTheirReason(t *testing.T) {
	carrier, _ := carrierTo(t, fake.Script{EndOnBeat: true}, Options{})
	result, err := idle(4, 50*time.Millisecond).Run(inTime(t), carrier, &load.Meter{Clock: load.NewClock()})
	if err != nil || result.Expired != 4 || !strings.Contains(result.FirstReason.Error(), "scripted") {
		t.Errorf("%d expired because %v, %v", result.Expired, result.FirstReason, err)
	}
}
