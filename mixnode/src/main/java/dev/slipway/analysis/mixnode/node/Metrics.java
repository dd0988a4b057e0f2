package dev.slipway.analysis.mixnode.node;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Supplier;
import org.springframework.stereotype.Component;

/** What a node counts. In quiet, received = forwarded + dropped. */
@Component
final class Metrics {

    private final MeterRegistry registry;
    private final Counter received;
    private final Counter forwarded;
    private final Map<Outcome, Counter> dropped = new EnumMap<>(Outcome.class);

    final Timer unwrap;
    final Timer mixDelay;
    final Timer hopLatency;
    final Timer acknowledgement;

    Metrics(MeterRegistry registry) {
        this.registry = registry;
        received = Counter.builder("mixnode.packets.received").description("Packets that came in").register(registry);
        forwarded = Counter.builder("mixnode.packets.forwarded")
                .description("Packets that are known to have been delivered")
                .register(registry);
        for (Outcome outcome : Outcome.values()) {
            if (outcome != Outcome.DELIVERED) {
                dropped.put(outcome, Counter.builder("mixnode.packets.dropped")
                        .description("Packets that were dropped, by reason")
                        .tag("reason", outcome.label())
                        .register(registry));
            }
        }
        unwrap = timer("mixnode.unwrap.cpu", "CPU time of removing a layer", Duration.ofNanos(50_000), Duration.ofMillis(20));
        mixDelay = timer("mixnode.mix.delay", "From coming into the pool to leaving it", Duration.ofMillis(5), Duration.ofSeconds(60));
        hopLatency = timer("mixnode.hop.latency", "From coming into the node to leaving it", Duration.ofMillis(5), Duration.ofSeconds(60));
        acknowledgement = timer(
                "mixnode.acknowledgement", "From leaving the node to the answer of the next", Duration.ofMillis(5), Duration.ofSeconds(120));
    }

    void received() {
        received.increment();
    }

    void ended(Outcome outcome) {
        (outcome == Outcome.DELIVERED ? forwarded : dropped.get(outcome)).increment();
    }

    void gauge(String name, String description, Supplier<Number> value) {
        Gauge.builder(name, value).description(description).register(registry);
    }

    private Timer timer(String name, String description, Duration shortest, Duration longest) {
        return Timer.builder(name)
                .description(description)
                .publishPercentileHistogram()
                .minimumExpectedValue(shortest)
                .maximumExpectedValue(longest)
                .register(registry);
    }
}
