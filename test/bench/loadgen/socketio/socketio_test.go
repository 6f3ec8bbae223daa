package socketio

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley.chat/bench/token"
)

// scripted is a server for one client: the test reads what the client says and writes what it is to hear.
type scripted struct {
	t      *testing.T
	nc     net.Conn
	reader *bufio.Reader
}

func (s *scripted) says(text string) {
	s.t.Helper()
	frame := []byte{final | opText}
	switch n := len(text); {
	case n < 126:
		frame = append(frame, byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(n))
	}
	if _, err := s.nc.Write(append(frame, text...)); err != nil {
		s.t.Fatal(err)
	}
}

// hears reads one message of the client and takes the mask off.
func (s *scripted) hears() string {
	s.t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(s.reader, head[:]); err != nil {
		s.t.Fatal(err)
	}
	length := int(head[1] &^ masked)
	if length == 126 {
		var long [2]byte
		if _, err := io.ReadFull(s.reader, long[:]); err != nil {
			s.t.Fatal(err)
		}
		length = int(binary.BigEndian.Uint16(long[:]))
	}
	payload := make([]byte, 4+length)
	if _, err := io.ReadFull(s.reader, payload); err != nil {
		s.t.Fatal(err)
	}
	for i := range length {
		payload[4+i] ^= payload[i%4]
	}
	return string(payload[4:])
}

func (s *scripted) wants(pattern string) {
	s.t.Helper()
	if heard := s.hears(); !strings.HasPrefix(heard, pattern) {
		s.t.Fatalf("the client said %.100q, not %q", heard, pattern)
	}
}

type events struct {
	acked    chan uint64
	received chan string
	beaten   chan bool
	ended    chan error
}

func (e *events) Acked(number uint64)  { e.acked <- number }
func (e *events) Received(body []byte) { e.received <- string(body) }
func (e *events) Beaten()              { e.beaten <- true }
func (e *events) Ended(err error)      { e.ended <- err }

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

// open connects one user of room r to a scripted server and plays the handshake.
func open(t *testing.T, receipts bool) (*socket, *scripted, *events) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	served := make(chan *scripted, 1)
	go func() {
		nc, err := listener.Accept()
		if err != nil {
			return
		}
		s := &scripted{t, nc, bufio.NewReader(nc)}
		if request, err := http.ReadRequest(s.reader); err != nil || request.URL.Query().Get("EIO") != "4" {
			t.Errorf("not an engine.io upgrade: %v %v", request, err)
		}
		fmt.Fprint(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		s.says(`0{"sid":"x","pingInterval":25000,"pingTimeout":20000}`)
		s.wants(`40{"token":"`)
		s.says(`40{"sid":"y"}`)
		s.wants(`421["join","r"]`)
		s.says(`431[]`)
		served <- s
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	carrier := New(Options{Target: listener.Addr().String(), Signer: signer(t), ReadBuffer: 4096, Receipts: receipts})
	heard := &events{make(chan uint64, 9), make(chan string, 9), make(chan bool, 9), make(chan error, 9)}
	endpoint, err := carrier.Open(ctx, "ann", "r", heard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(endpoint.Close)
	return endpoint.(*socket), <-served, heard
}

func TestASendIsAnEventAndItsAnswerTheAck(t *testing.T) {
	client, server, heard := open(t, false)
	if err := client.Send(7, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	server.wants(`4214["send",{"room":"r","id":"7","text":"hello"}]`)
	server.says(`4314[{"id":"7","time":1}]`)
	if number := <-heard.acked; number != 7 {
		t.Errorf("message %d was acknowledged", number)
	}
}

func TestMessagesOfEveryLengthArriveWhole(t *testing.T) {
	_, server, heard := open(t, false)
	for _, size := range []int{1, 100, 5000, 100_000} {
		text := strings.Repeat("x", size)
		server.says(`42["message",{"id":"1","room":"r","sender":"bob","time":5,"text":"` + text + `"}]`)
		if got := <-heard.received; got != text {
			t.Errorf("%d bytes arrived as %d", size, len(got))
		}
	}
}

func TestWhatIsReceivedIsAcknowledgedAndTheOthersReceiptSettles(t *testing.T) {
	client, server, _ := open(t, true)
	server.says(`42["message",{"id":"3","room":"r","sender":"bob","time":5,"text":"x"}]`)
	server.wants(`42["ack",{"room":"r","id":"3","receipt":true}]`)
	if err := client.Send(1, []byte("y")); err != nil {
		t.Fatal(err)
	}
	server.wants(`422["send"`)
	if client.Settled() {
		t.Error("settled before the other has read")
	}
	server.says(`42["receipt",{"id":"1","room":"r","user":"bob","delivered":"1","read":"1"}]`)
	for !client.Settled() {
		time.Sleep(time.Millisecond)
	}
}

func TestPingsAreAnsweredAndBeatsAreTimed(t *testing.T) {
	client, server, heard := open(t, false)
	server.says("2")
	server.wants("3")
	if err := client.Beat(); err != nil {
		t.Fatal(err)
	}
	server.wants(`423["beat"]`)
	server.says(`433[]`)
	<-heard.beaten
}

func TestABrokenSocketIsTold(t *testing.T) {
	_, server, heard := open(t, false)
	server.nc.Close()
	if err := <-heard.ended; err == nil {
		t.Error("ended without a reason")
	}
}
