package chat.parley.interop;

import chat.parley.v1.ClientFrame;
import chat.parley.v1.Content;
import chat.parley.v1.Hello;
import chat.parley.v1.OpenRequest;
import chat.parley.v1.OpenResponse;
import chat.parley.v1.Send;
import chat.parley.v1.StreamServiceGrpc;
import chat.parley.v1.ThreadPosition;
import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Builds the frames of test/interop/sample.ts from the Java stubs and writes their bytes to the file it is given. */
public final class Interop {
  private Interop() {}

  public static void main(String[] arguments) throws IOException {
    ClientFrame hello =
        ClientFrame.newBuilder()
            .setRequestId(1)
            .setHello(
                Hello.newBuilder()
                    .setDeviceId("phone-1")
                    .setResumeToken(ByteString.copyFrom(new byte[] {0, (byte) 255, (byte) 128}))
                    .addPositions(ThreadPosition.newBuilder().setThreadId("d_1").setUpToSequence(-1L))
                    .setApiRevision(1)
                    .setForeground(true))
            .build();
    ClientFrame send =
        ClientFrame.newBuilder()
            .setRequestId(2)
            .setSend(
                Send.newBuilder()
                    .setThreadId("d_1")
                    .setClientMessageId("m-1")
                    .setKnownHead(9007199254740993L)
                    .setExpectedSequence(0)
                    .addAllMentionIds(List.of("zoë", "李"))
                    .setContent(Content.newBuilder().setText("hello")))
            .build();
    OpenRequest request = OpenRequest.newBuilder().addFrames(hello).addFrames(send).build();
    Files.write(Path.of(arguments[0]), request.toByteArray());
  }

  /** Compiles only while the stubs have a bidirectional Open. */
  static StreamObserver<OpenRequest> open(Channel channel, StreamObserver<OpenResponse> responses) {
    return StreamServiceGrpc.newStub(channel).open(responses);
  }
}
