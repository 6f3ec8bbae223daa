"""Builds the frames of test/interop/sample.ts from the Python stubs and writes their bytes to stdout."""

import sys

from parley.v1 import entry_pb2, stream_service_pb2 as stream

request = stream.OpenRequest(
    frames=[
        stream.ClientFrame(
            request_id=1,
            hello=stream.Hello(
                device_id="phone-1",
                resume_token=b"\x00\xff\x80",
                positions=[stream.ThreadPosition(thread_id="d_1", up_to_sequence=18446744073709551615)],
                api_revision=1,
                foreground=True,
            ),
        ),
        stream.ClientFrame(
            request_id=2,
            send=stream.Send(
                thread_id="d_1",
                client_message_id="m-1",
                known_head=9007199254740993,
                expected_sequence=0,
                mention_ids=["zoë", "李"],
                content=entry_pb2.Content(text="hello"),
            ),
        ),
    ]
)
sys.stdout.buffer.write(request.SerializeToString(deterministic=True))
