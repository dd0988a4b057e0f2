package dev.slipway.analysis.access;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.slipway.analysis.access.RefusedTokenException.Reason;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.stereotype.Component;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * How many tokens that let nobody in an address sent within a minute. Beyond the limit none that is unknown is looked up for it, while
 * whoever shares the address with a token that is known goes on.
 */
@Component
class FailedTries {

    private final int most;
    private final Cache<String, AtomicInteger> tries = Caffeine.newBuilder().expireAfterWrite(Duration.ofMinutes(1)).maximumSize(100_000).build();

    FailedTries(AccessProperties properties) {
        this.most = properties.failedTries();
    }

    /** @throws RefusedTokenException if the address of the present request has failed too often */
    void refuseIfTooMany() {
        AtomicInteger failed = tries.getIfPresent(address());
        if (failed != null && failed.get() >= most) {
            throw new RefusedTokenException(Reason.TRIES);
        }
    }

    void note() {
        tries.get(address(), address -> new AtomicInteger()).incrementAndGet();
    }

    private static String address() {
        return RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes request ? request.getRequest().getRemoteAddr() : "";
    }
}
