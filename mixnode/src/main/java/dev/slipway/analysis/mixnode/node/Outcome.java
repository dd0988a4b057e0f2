package dev.slipway.analysis.mixnode.node;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;
import org.springframework.http.HttpStatus;

/** What became of a packet. All but the first are reasons to drop it, and each is one value of the metric's label. */
enum Outcome {
    /** The service has the submission, or the sink. */
    DELIVERED(HttpStatus.NO_CONTENT, ""),

    WRONG_SIZE(HttpStatus.BAD_REQUEST, "A packet is 2048 bytes long, and a request has one or more of them: make it with \"java -jar mixnode.jar send\"."),
    TOO_MANY_PACKETS(HttpStatus.CONTENT_TOO_LARGE, "A request has no more packets than PACKET_LIMIT, or than 1000: send fewer at once."),
    INCOMPLETE(HttpStatus.REQUEST_TIMEOUT, "The request did not arrive whole in time: send its packets again, made anew."),
    NOT_FOR_THIS_KEY(
            HttpStatus.BAD_REQUEST,
            "The packet was not made for this node's key, or was changed on its way: make it anew, with this node's public key."),
    TOO_OLD(HttpStatus.BAD_REQUEST, "The packet is too old, or from the future: set the clock, and make it anew."),
    REPLAYED(HttpStatus.CONFLICT, "The packet was here before: make it anew."),
    BUSY(HttpStatus.SERVICE_UNAVAILABLE, "The node holds as many packets as it may: send the packet again in a moment."),

    /** The service will never take this submission. */
    REFUSED_BY_THE_SERVICE(
            HttpStatus.UNPROCESSABLE_CONTENT, "The service refused the submission: submit it there directly to read why."),
    REFUSED_BY_THE_NEXT_HOP(HttpStatus.BAD_GATEWAY, "The next hop did not take the packet: make it anew."),
    NEXT_HOP_DOWN(HttpStatus.GATEWAY_TIMEOUT, "The next hop did not answer in time: make the packet anew.");

    private final HttpStatus status;
    private final String detail;

    Outcome(HttpStatus status, String detail) {
        this.status = status;
        this.detail = detail;
    }

    HttpStatus status() {
        return status;
    }

    /** @return one sentence that says what is wrong and how to mend it */
    String detail() {
        return detail;
    }

    @JsonValue
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
