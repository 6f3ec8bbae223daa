package wire

import (
	"fmt"
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
