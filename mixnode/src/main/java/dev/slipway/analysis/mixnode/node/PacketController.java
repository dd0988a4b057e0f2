package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Layer;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.springframework.http.HttpHeaders;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

/** Takes packets in. No thread waits for the answer. */
@RestController
class PacketController {

    private final Node node;

    PacketController(Node node) {
        this.node = node;
    }

    @PostMapping("/packets")
    CompletableFuture<ResponseEntity<ProblemDetail>> receive(HttpServletRequest request) throws IOException {
        return node.accept(request.getInputStream().readNBytes(Layer.PACKET_LENGTH + 1)).thenApply(PacketController::response);
    }

    private static ResponseEntity<ProblemDetail> response(Outcome outcome) {
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
