package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Layer;
import jakarta.servlet.http.HttpServletRequest;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.http.HttpHeaders;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * Takes packets in, one or more in a request. What all of them have come to is the answer's status; if it is not the
 * same for all, the answer is a list of it. No thread waits for the answer; for a body one does, but not for long, and
 * one client's bodies have half of the threads.
 */
@RestController
class PacketController {

    static final int MIXED = 207;

    /** Half of server.tomcat.threads.max. */
    private static final int BODIES_OF_A_CLIENT = 32;

    private final Node node;
    private final NodeProperties properties;
    private final ConcurrentHashMap<ByteBuffer, Integer> bodies = new ConcurrentHashMap<>();

    PacketController(Node node, NodeProperties properties) {
        this.node = node;
        this.properties = properties;
    }

    @PostMapping("/packets")
    CompletableFuture<ResponseEntity<?>> receive(HttpServletRequest request) throws IOException {
        ByteBuffer client = client(request);
        try {
            return bodies.merge(client, 1, Integer::sum) > BODIES_OF_A_CLIENT ? refused(Outcome.BUSY) : read(request);
        } finally {
            bodies.computeIfPresent(client, (same, number) -> number == 1 ? null : number - 1);
        }
    }

    private CompletableFuture<ResponseEntity<?>> read(HttpServletRequest request) throws IOException {
        long deadline = System.nanoTime() + properties.bodyTimeout().toNanos();
        InputStream body = request.getInputStream();
        long length = request.getContentLengthLong();
        List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
        try {
            if (length <= 0 || length % Layer.PACKET_LENGTH != 0) {
                skip(body, deadline);
                return refused(Outcome.WRONG_SIZE);
            }
            if (length / Layer.PACKET_LENGTH > properties.packetsInARequest()) {
                skip(body, deadline);
                return refused(Outcome.TOO_MANY_PACKETS);
            }
            for (long packets = length / Layer.PACKET_LENGTH; packets > 0; packets--) {
                outcomes.add(node.accept(packet(body, deadline)));
            }
        } catch (IOException e) {
            return refused(Outcome.INCOMPLETE);
        }
        return CompletableFuture.allOf(outcomes.toArray(CompletableFuture[]::new))
                .thenApply(done -> response(outcomes.stream().map(CompletableFuture::join).toList()));
    }

    /** By its address; of an IPv6 one, of which a client has many, by the first half. */
    private static ByteBuffer client(HttpServletRequest request) throws IOException {
        byte[] address = InetAddress.getByName(request.getRemoteAddr()).getAddress();
        return ByteBuffer.wrap(address, 0, Math.min(address.length, 8));
    }

    private static byte[] packet(InputStream body, long deadline) throws IOException {
        byte[] packet = new byte[Layer.PACKET_LENGTH];
        for (int at = 0, read; at < packet.length; at += read) {
            read = read(body, packet, at, deadline);
            if (read < 0) {
                throw new EOFException();
            }
        }
        return packet;
    }

    /** So that the sender reads the answer, and not that its connection was reset. */
    private static void skip(InputStream body, long deadline) throws IOException {
        byte[] some = new byte[8192];
        while (read(body, some, 0, deadline) >= 0) {}
    }

    private static int read(InputStream body, byte[] into, int at, long deadline) throws IOException {
        if (System.nanoTime() - deadline > 0) {
            throw new IOException("took too long");
        }
        return body.read(into, at, into.length - at);
    }

    private CompletableFuture<ResponseEntity<?>> refused(Outcome outcome) {
        return CompletableFuture.completedFuture(response(node.refuse(outcome)));
    }

    private static ResponseEntity<?> response(List<Outcome> outcomes) {
        return outcomes.stream().distinct().count() == 1
                ? response(outcomes.get(0))
                : ResponseEntity.status(MIXED).body(outcomes);
    }

    private static ResponseEntity<?> response(Outcome outcome) {
        if (outcome == Outcome.DELIVERED) {
            return ResponseEntity.noContent().build();
        }
        ProblemDetail problem = ProblemDetail.forStatusAndDetail(outcome.status(), outcome.detail());
        problem.setProperty("reason", outcome.label());
        ResponseEntity.HeadersBuilder<?> response = ResponseEntity.of(problem);
        if (outcome == Outcome.BUSY) {
            response.header(HttpHeaders.RETRY_AFTER, "1");
        }
        return response.build();
    }
}
