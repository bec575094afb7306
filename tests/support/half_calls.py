"""gRPC calls whose message never ends: frames by hand, as no client library sends them."""
import socket
import struct

import h2.config
import h2.connection
import h2.exceptions

HEADERS = [(":method", "POST"), (":scheme", "http"), (":path", "/milvus.proto.milvus.MilvusService/Insert"), (":authority", "any"),
           ("content-type", "application/grpc"), ("te", "trailers")]
STEP = 1 << 20


class HalfCalls:
    """One connection with `calls` calls, each of which says `size` bytes and stops one short."""

    def __init__(self, port, calls, size):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.http.initiate_connection()
        self.left, self.sent, self.out = {}, 0, bytearray()
        for _ in range(calls):
            stream = self.http.get_next_available_stream_id()
            self.http.send_headers(stream, HEADERS)
            self.http.send_data(stream, b"\0" + struct.pack(">I", size))
            self.left[stream] = size - 1
        self.socket.setblocking(False)

    def step(self):
        """Sends what the server lets through now; False when there is nothing left or it has closed."""
        if not self.left:
            return False
        try:
            self._receive()
            for stream in list(self.left):
                self._fill(stream)
            self.out += self.http.data_to_send()
            if self.out:
                del self.out[:self.socket.send(self.out)]
        except BlockingIOError:
            pass
        except (OSError, h2.exceptions.ProtocolError):
            self.left = {}
        return bool(self.left)

    def _receive(self):
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        if not data:
            raise OSError("closed")
        self.http.receive_data(data)

    def _fill(self, stream):
        try:
            room = min(self.http.local_flow_control_window(stream), self.http.max_outbound_frame_size, self.left[stream])
            if room > 0 and len(self.out) < STEP:
                self.http.send_data(stream, b"x" * room)
                self.left[stream] -= room
                self.sent += room
        except h2.exceptions.StreamClosedError:
            self.left[stream] = 0
        if self.left[stream] == 0:
            del self.left[stream]

    def close(self):
        self.socket.close()
