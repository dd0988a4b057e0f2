package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Hop;
import jakarta.validation.constraints.AssertTrue;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.Pattern;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.validation.annotation.Validated;

/**
 * A node's settings. Each is the environment variable of the same name, {@code NODE_TYPE} and so on.
 *
 * @param nodeType entry, middle or exit
 * @param nextHop where packets go from here: the next node, or from the exit the service; an exit without one counts
 *     and logs what arrives
 * @param pipelineWorkers how many threads remove layers
 * @param keyFile the node's private key
 * @param tokenFile what the service lets the exit in by
 * @param mixBatchSize how many packets wait for each other at most
 * @param mixDelay how long a packet waits for others at most
 * @param packetLimit how many packets the node holds at once; the next one is answered 503
 * @param replayWindow how old a packet may be, and how long the node remembers it
 * @param replayLimit how many packets the node remembers; the next one is answered 503
 * @param deliveryLanes how many submissions of a batch the exit delivers at the same time
 * @param giveUpAfter how long the node tries to get a packet to the next hop
 * @param bodyTimeout how long a request's packets may take to arrive
 */
@Validated
@ConfigurationProperties("mixnode")
record NodeProperties(
        @Pattern(regexp = "entry|middle|exit", message = "must be entry, middle or exit") String nodeType,
        @Pattern(regexp = "(https?://[A-Za-z0-9.-]+(:([1-5]?\\d{1,4}|6[0-5]\\d{3}))?)?", message = "must be http://HOST:PORT, HOST of letters, digits, dots and hyphens")
                String nextHop,
        @Min(1) @Max(64) int pipelineWorkers,
        Path keyFile,
        Path tokenFile,
        @Min(value = 2, message = "must be 2 or more, or nothing would be mixed") @Max(100_000) int mixBatchSize,
        @DurationMin(millis = 10, message = "must be 10ms or longer, or nothing would be mixed") @DurationMax(minutes = 1) Duration mixDelay,
        @Min(1) @Max(100_000) int packetLimit,
        @DurationMin(minutes = 1) @DurationMax(hours = 1) Duration replayWindow,
        @Min(1) @Max(10_000_000) int replayLimit,
        @Min(1) @Max(1000) int deliveryLanes,
        @DurationMin(seconds = 1) @DurationMax(minutes = 5) Duration giveUpAfter,
        @DurationMin(seconds = 1) @DurationMax(minutes = 1) Duration bodyTimeout) {

    @AssertTrue(message = "NEXT_HOP is not set, which only an exit can do without: set it to the next node, http://HOST:PORT")
    boolean isNextHopSetWhereItIsNeeded() {
        return !nextHop.isEmpty() || !List.of("entry", "middle").contains(nodeType);
    }

    @AssertTrue(message = "MIX_BATCH_SIZE must not be above PACKET_LIMIT, or no batch would ever be full")
    boolean isRoomForABatch() {
        return packetLimit >= mixBatchSize;
    }

    @AssertTrue(message = "REPLAY_LIMIT must not be below PACKET_LIMIT, or the node would never hold as many packets as it may")
    boolean isRoomForWhatIsRemembered() {
        return replayLimit >= packetLimit;
    }

    @AssertTrue(message = "MIX_DELAY must not be above half of GIVE_UP_AFTER, or the node before gives up while packets still wait here:"
            + " shorten it, or lengthen GIVE_UP_AFTER on every node")
    boolean isRoomForTheDelay() {
        return mixDelay.multipliedBy(2).compareTo(giveUpAfter) <= 0;
    }

    @AssertTrue(message = "REPLAY_WINDOW must not be below twice MIX_DELAY and GIVE_UP_AFTER together, or a packet that is sent again"
            + " comes too old to the exit: shorten GIVE_UP_AFTER or MIX_DELAY")
    boolean isRoomForASecondTry() {
        return mixDelay.plus(giveUpAfter).multipliedBy(2).compareTo(replayWindow) <= 0;
    }

    /** @return how many packets a request may have */
    int packetsInARequest() {
        return Math.max(packetLimit, 1000);
    }

    Hop hop() {
        return Hop.valueOf(nodeType.toUpperCase(Locale.ROOT));
    }

    boolean isServiceNext() {
        return hop() == Hop.EXIT && !nextHop.isEmpty();
    }

    URI nextHop(String path) {
        return URI.create(nextHop + path);
    }
}
