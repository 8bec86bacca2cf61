"""An FTP server with one user. Arguments: folder, and how many bytes to send before hanging up (0: all)."""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.servers import FTPServer

folder, limit = sys.argv[1], int(sys.argv[2])


class CutHandler(DTPHandler):
    def send(self, data):
        result = super().send(data)
        if limit and self.tot_bytes_sent >= limit:
            self.cmd_channel.close()
        return result


authorizer = DummyAuthorizer()
authorizer.add_user("me", "geheim", folder)
authorizer.add_anonymous(folder)
FTPHandler.authorizer = authorizer
if limit:
    FTPHandler.dtp_handler = CutHandler
    FTPHandler.use_sendfile = False
server = FTPServer(("127.0.0.1", 0), FTPHandler)
print(server.socket.getsockname()[1], flush=True)
server.serve_forever()
