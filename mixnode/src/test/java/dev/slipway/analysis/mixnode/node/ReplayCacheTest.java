package dev.slipway.analysis.mixnode.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.mixnode.packet.Opener;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class ReplayCacheTest {

    private static final int MINUTE = 1_000_000;

    private Instant now = Instant.ofEpochSecond(60L * MINUTE);

    @Test
    void aPacketIsTakenOnce() {
        ReplayCache cache = cache(10);

        assertThat(remember(cache, 1, MINUTE)).isEqualTo(Outcome.DELIVERED);
        assertThat(remember(cache, 1, MINUTE)).isEqualTo(Outcome.REPLAYED);
        assertThat(remember(cache, 2, MINUTE)).isEqualTo(Outcome.DELIVERED);
    }

    @Test
    void aPacketIsKnownForTheWholeWindowAndTooOldBehindIt() {
        ReplayCache cache = cache(10);
        remember(cache, 1, MINUTE);

        now = now.plus(Duration.ofMinutes(5));
        assertThat(remember(cache, 1, MINUTE)).isEqualTo(Outcome.REPLAYED);
        now = now.plus(Duration.ofMinutes(1));
        assertThat(remember(cache, 1, MINUTE)).isEqualTo(Outcome.TOO_OLD);
        assertThat(cache.size()).isZero();
    }

    @Test
    void aPacketFromTheFutureIsRefused() {
        ReplayCache cache = cache(10);

        assertThat(remember(cache, 1, MINUTE + 1)).isEqualTo(Outcome.DELIVERED);
        assertThat(remember(cache, 2, MINUTE + 2)).isEqualTo(Outcome.TOO_OLD);
    }

    @Test
    void aFullCachePutsNewPacketsOffAndForgetsNone() {
        ReplayCache cache = cache(2);
        remember(cache, 1, MINUTE);
        remember(cache, 2, MINUTE);

        assertThat(remember(cache, 3, MINUTE)).isEqualTo(Outcome.BUSY);
        assertThat(remember(cache, 1, MINUTE)).isEqualTo(Outcome.REPLAYED);
        assertThat(cache.size()).isEqualTo(2);

        now = now.plus(Duration.ofMinutes(6));
        assertThat(remember(cache, 3, MINUTE + 6)).isEqualTo(Outcome.DELIVERED);
    }

    private static Outcome remember(ReplayCache cache, long packet, int minute) {
        return cache.remember(ByteBuffer.allocate(2048).putLong(packet).array(), new Opener.Relayed(minute, new byte[0]));
    }

    private ReplayCache cache(int limit) {
        Clock clock = new Clock() {

            @Override
            public Instant instant() {
                return now;
            }

            @Override
            public ZoneId getZone() {
                return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
                return this;
            }
        };
        return new ReplayCache(clock, new NodeProperties(
                "exit", "", 1, Path.of(""), Path.of(""), 1, Duration.ZERO, 1, Duration.ofMinutes(5), limit, 1, Duration.ofSeconds(1),
                Duration.ofSeconds(1)));
    }
}
