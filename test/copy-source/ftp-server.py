"""
An FTP server with one user, for the folder that is the first argument. The second says what goes wrong
with a download: "none", "hangup" after a megabyte, "short" by a byte with all signs of success, "failed"
with all bytes sent and a failure reported.
"""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.servers import FTPServer

folder, fault = sys.argv[1:]


class FaultyTransfer(DTPHandler):
    def send(self, data):
        result = super().send(data)
        if fault == "hangup" and self.tot_bytes_sent >= 1_000_000:
            self.cmd_channel.close()
        return result

    def close(self):
        if fault == "failed":
            # Later than the end of the data, so that the data alone cannot tell.
            self._resp = ()
            channel = self.cmd_channel
            channel.ioloop.call_later(0.3, lambda: channel.respond("451 The disk had an error."))
        super().close()


class FaultyHandler(FTPHandler):
    dtp_handler = FaultyTransfer
    use_sendfile = False

    def ftp_SIZE(self, path):
        if fault == "short":
            self.respond(f"213 {self.fs.getsize(path) + 1}")
            return path
        return super().ftp_SIZE(path)


authorizer = DummyAuthorizer()
authorizer.add_user("me", "geheim", folder)
authorizer.add_anonymous(folder)
FaultyHandler.authorizer = authorizer
server = FTPServer(("127.0.0.1", 0), FaultyHandler)
print(server.socket.getsockname()[1], flush=True)
server.serve_forever()
