package wire

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
		field, bytes, value, rest, err := next(message)
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
		field, comment, _, rest, err := next(message)
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
		field, bytes, value, rest, err := next(comment)
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
