package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Layer;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.springframework.http.HttpHeaders;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * Takes packets in, one or more in a request. What all of them have come to is the answer's status; if it is not the
 * same for all, the answer is a list of it. No thread waits for the answer.
 */
@RestController
class PacketController {

    static final int MIXED = 207;

    private final Node node;

    PacketController(Node node) {
        this.node = node;
    }

    @PostMapping("/packets")
    CompletableFuture<ResponseEntity<?>> receive(HttpServletRequest request) throws IOException {
        long length = request.getContentLengthLong();
        if (length <= 0 || length % Layer.PACKET_LENGTH != 0) {
            return CompletableFuture.completedFuture(response(node.refuse(Outcome.WRONG_SIZE)));
        }
        List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
        for (long packets = length / Layer.PACKET_LENGTH; packets > 0; packets--) {
            outcomes.add(node.accept(request.getInputStream().readNBytes(Layer.PACKET_LENGTH)));
        }
        return CompletableFuture.allOf(outcomes.toArray(CompletableFuture[]::new))
                .thenApply(done -> response(outcomes.stream().map(CompletableFuture::join).toList()));
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
