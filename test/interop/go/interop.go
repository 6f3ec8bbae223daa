// Builds the frames of test/interop/sample.ts from the Go stubs and writes their bytes to stdout.
package main

import (
	"log"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	parleyv1 "parley.chat/go/parley/v1"
)

// Compiles only while the stubs have a bidirectional Open.
func open(connection *grpc.ClientConn) func() (parleyv1.StreamService_OpenClient, error) {
	client := parleyv1.NewStreamServiceClient(connection)
	return func() (parleyv1.StreamService_OpenClient, error) { return client.Open(nil) }
}

var _ = open

func main() {
	request := &parleyv1.OpenRequest{Frames: []*parleyv1.ClientFrame{
		{RequestId: 1, Frame: &parleyv1.ClientFrame_Hello{Hello: &parleyv1.Hello{
			DeviceId:    "phone-1",
			ResumeToken: []byte{0, 255, 128},
			Positions:   []*parleyv1.ThreadPosition{{ThreadId: "d_1", UpToSequence: 18446744073709551615}},
			ApiRevision: 1,
			Foreground:  true,
		}}},
		{RequestId: 2, Frame: &parleyv1.ClientFrame_Send{Send: &parleyv1.Send{
			ThreadId:         "d_1",
			ClientMessageId:  "m-1",
			KnownHead:        9007199254740993,
			ExpectedSequence: proto.Uint64(0),
			MentionIds:       []string{"zoë", "李"},
			Content:          &parleyv1.Content{Body: &parleyv1.Content_Text{Text: "hello"}},
		}}},
	}}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(bytes); err != nil {
		log.Fatal(err)
	}
}
