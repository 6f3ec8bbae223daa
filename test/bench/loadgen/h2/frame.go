package h2

import "encoding/binary"

const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameRstStream    = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	settingEnablePush    = 0x2
	settingMaxStreams    = 0x3
	settingInitialWindow = 0x4
	settingMaxFrame      = 0x5

	frameHeaderBytes = 9
	resetCancel      = 0x8
)

func appendFrameHeader(out []byte, length int, kind, flags byte, stream uint32) []byte {
	return append(out, byte(length>>16), byte(length>>8), byte(length), kind, flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func appendFrame(out []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	return append(appendFrameHeader(out, len(payload), kind, flags, stream), payload...)
}

func appendSettings(out []byte, pairs ...uint32) []byte {
	out = appendFrameHeader(out, len(pairs)/2*6, frameSettings, 0, 0)
	for i := 0; i < len(pairs); i += 2 {
		out = binary.BigEndian.AppendUint16(out, uint16(pairs[i]))
		out = binary.BigEndian.AppendUint32(out, pairs[i+1])
	}
	return out
}

func appendWindowUpdate(out []byte, stream, bytes uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHeader(out, 4, frameWindowUpdate, 0, stream), bytes)
}

func appendReset(out []byte, stream, code uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHeader(out, 4, frameRstStream, 0, stream), code)
}
