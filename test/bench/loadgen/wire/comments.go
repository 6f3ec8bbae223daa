package wire

import "google.golang.org/protobuf/encoding/protowire"

// FrameComments is the field of a batch of comments in ServerFrame.
const FrameComments = 7

const (
	batchChannel = 1
	batchEpoch   = 2
	batchComment = 3
	batchFrom    = 4
	batchTo      = 5

	commentNumber = 1
	commentText   = 3
)

// Batch is what a CommentBatch says beside its comments.
type Batch struct {
	Channel []byte
	Epoch   uint64
	// The numbers that it accounts for, both ends included; 0 = none.
	From, To uint64
}

// ReadBatch reads a CommentBatch without looking into its comments, and copies nothing.
func ReadBatch(message []byte) (batch Batch, err error) {
	for len(message) > 0 {
		field, bytes, value, rest, err := quickNext(message)
		if err != nil {
			return batch, err
		}
		switch message = rest; field {
		case batchChannel:
			batch.Channel = bytes
		case batchEpoch:
			batch.Epoch = value
		case batchFrom:
			batch.From = value
		case batchTo:
			batch.To = value
		}
	}
	return batch, nil
}

// CommentVisitor hears the comments of a CommentBatch in order.
type CommentVisitor interface {
	// Comment is one of them. The text is valid only until the method returns.
	Comment(number uint64, text []byte) error
}

// ReadComments tells the comments of a CommentBatch. Of each it reads no further than to its number and its text.
func ReadComments(message []byte, visitor CommentVisitor) error {
	for len(message) > 0 {
		field, comment, _, rest, err := quickNext(message)
		if err != nil {
			return err
		}
		if message = rest; field != batchComment {
			continue
		}
		number, text, err := readComment(comment)
		if err != nil {
			return err
		}
		if err := visitor.Comment(number, text); err != nil {
			return err
		}
	}
	return nil
}

func readComment(comment []byte) (number uint64, text []byte, err error) {
	for len(comment) > 0 && (number == 0 || len(text) == 0) {
		field, bytes, value, rest, err := quickNext(comment)
		if err != nil {
			return 0, nil, err
		}
		switch comment = rest; field {
		case commentNumber:
			number = value
		case commentText:
			text = bytes
		}
	}
	return number, text, nil
}

// quickNext is next for what nearly every field of a comment is: a number below 16, bytes shorter than 2^14 or an integer.
func quickNext(message []byte) (field protowire.Number, bytes []byte, value uint64, rest []byte, err error) {
	if len(message) < 3 || message[0] >= 0x80 {
		return next(message)
	}
	n := 2
	value = uint64(message[1])
	if value >= 0x80 {
		if message[2] >= 0x80 {
			return next(message)
		}
		value = value&0x7f | uint64(message[2])<<7
		n = 3
	}
	field = protowire.Number(message[0] >> 3)
	switch kind := protowire.Type(message[0] & 7); {
	case kind == protowire.VarintType && field > 0:
		return field, nil, value, message[n:], nil
	case kind == protowire.BytesType && field > 0 && uint64(len(message)-n) >= value:
		return field, message[n : n+int(value)], 0, message[n+int(value):], nil
	default:
		return next(message)
	}
}
