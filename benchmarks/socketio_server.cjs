// Node's own Socket.IO server: everybody joins one room; each line on standard input is one event to that room.
// Says its port on standard output and ends with its standard input. NODE_PATH says where socket.io is.

const http = require("node:http");
const readline = require("node:readline");
const { Server } = require("socket.io");

const server = http.createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  socket.join("perm:hub.signed_in");
  socket.emit("realtime:ready", {});
});

readline
  .createInterface({ input: process.stdin })
  .on("line", (text) => {
    const sent = Number(process.hrtime.bigint()); // exact for a hundred days after the machine's start
    io.to("perm:hub.signed_in").emit("crier:news", { sent, text });
  })
  .on("close", () => process.exit(0));

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
