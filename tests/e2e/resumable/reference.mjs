// @tus/server with its file store in the folder given, on a free port that it prints.
import http from "node:http";
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const server = new Server({ path: "/tus", datastore: new FileStore({ directory: process.argv[2] }), relativeLocation: false });
const listener = http.createServer(server.handle.bind(server));
listener.listen(0, "127.0.0.1", () => console.log(listener.address().port));
