package wire

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	pb "parley.chat/go/parley/v1"
)

type comments struct{ heard []string }

func (c *comments) Comment(number uint64, text []byte) error {
	c.heard = append(c.heard, fmt.Sprintf("%d %s", number, text))
	return nil
}

func batchOf(t testing.TB, n uint64) []byte {
	t.Helper()
	batch := &pb.CommentBatch{ChannelId: "post:1", Epoch: 4, FromNumber: 1000, ToNumber: 1000 + n, DeletedNumbers: []uint64{3, 4}}
	for number := uint64(1000); number < 1000+n; number++ {
		batch.Comments = append(batch.Comments, &pb.Comment{
			Number: number, SenderId: "ann", Text: fmt.Sprintf("%0300d", number), CreateTime: timestamppb.Now(),
			ClientMessageId: "c-1", MentionIds: []string{"bob"},
		})
	}
	bytes, err := proto.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func TestABatchOfCommentsIsReadAsTheStubsWroteIt(t *testing.T) {
	message := batchOf(t, 2)
	batch, err := ReadBatch(message)
	if err != nil || string(batch.Channel) != "post:1" || batch.Epoch != 4 || batch.From != 1000 || batch.To != 1002 {
		t.Errorf("%+v, %v", batch, err)
	}
	var got comments
	if err := ReadComments(message, &got); err != nil {
		t.Fatal(err)
	}
	if want := []string{fmt.Sprintf("1000 %0300d", 1000), fmt.Sprintf("1001 %0300d", 1001)}; !slices.Equal(got.heard, want) {
		t.Errorf("heard %q", got.heard)
	}
}

func TestTheQuickReaderAgreesWithTheOtherOnAnyBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	whole := batchOf(t, 3)
	for range 200_000 {
		from := random.IntN(len(whole))
		message := slices.Clone(whole[from:min(len(whole), from+random.IntN(400))])
		if len(message) > 0 && random.IntN(2) == 0 {
			message[random.IntN(min(len(message), 4))] = byte(random.IntN(256))
		}
		field, bytes, value, rest, err := next(message)
		quickField, quickBytes, quickValue, quickRest, quickErr := quickNext(message)
		if field != quickField || string(bytes) != string(quickBytes) || value != quickValue || len(rest) != len(quickRest) || (err == nil) != (quickErr == nil) {
			t.Fatalf("%x: %d %x %d %d %v, quick %d %x %d %d %v", message,
				field, bytes, value, len(rest), err, quickField, quickBytes, quickValue, len(quickRest), quickErr)
		}
	}
}

type count struct{ comments int }

func (c *count) Comment(uint64, []byte) error {
	c.comments++
	return nil
}

func TestReadingCommentsAllocatesNothing(t *testing.T) {
	message := batchOf(t, 40)
	counter := &count{}
	if n := testing.AllocsPerRun(100, func() {
		_, _ = ReadBatch(message)
		_ = ReadComments(message, counter)
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkABatchOfForty(b *testing.B) {
	message := batchOf(b, 40)
	counter := &count{}
	for b.Loop() {
		_, _ = ReadBatch(message)
		_ = ReadComments(message, counter)
	}
}
