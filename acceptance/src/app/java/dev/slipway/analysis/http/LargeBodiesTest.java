package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import jakarta.servlet.FilterChain;
import jakarta.validation.constraints.Size;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;
import tools.jackson.databind.json.JsonMapper;

/** What the bodies of many clients may take at once. */
class LargeBodiesTest {

    private static final int MIB = 1 << 20;

    private final LargeBodies filter = new LargeBodies();

    record Body(@Size(max = 1000) double[] values) {}

    @Test
    void fourOfTheLargestAreInWorkAtOnceAndTheNextIsRefused() throws Exception {
        CountDownLatch arrived = new CountDownLatch(4);
        CountDownLatch leave = new CountDownLatch(1);
        CompletableFuture<?>[] held = new CompletableFuture<?>[4];
        for (int i = 0; i < held.length; i++) {
            held[i] = CompletableFuture.runAsync(() -> {
                send(4 * MIB, (request, response) -> {
                    arrived.countDown();
                    leave.await();
                });
            }, task -> new Thread(task).start());
        }
        arrived.await();

        MockHttpServletResponse refused = send(MIB, (request, response) -> {});
        assertThat(refused.getStatus()).isEqualTo(503);
        assertThat(refused.getHeader("Retry-After")).isEqualTo("1");
        assertThat(send(29_999, (request, response) -> {}).getStatus()).isEqualTo(200);
        assertThat(send(0, (request, response) -> {}).getStatus()).isEqualTo(200);
        CompletableFuture<MockHttpServletResponse> waiting =
                CompletableFuture.supplyAsync(() -> send(-1, (request, response) -> {}));
        leave.countDown();
        CompletableFuture.allOf(held).get();

        assertThat(waiting.get().getStatus()).isEqualTo(200);
    }

    @Test
    void aShareIsGivenBackWhateverHappens() {
        for (int i = 0; i < 10; i++) {
            assertThatThrownBy(() -> send(4 * MIB, (request, response) -> {
                throw new IllegalStateException("broken");
            })).hasRootCauseMessage("broken");
        }

        assertThat(send(4 * MIB, (request, response) -> {}).getStatus()).isEqualTo(200);
    }

    @Test
    void whatIsTooLongIsRefusedUnread() {
        assertThat(send(4 * MIB + 1, (request, response) -> {}).getStatus()).isEqualTo(413);
    }

    @Test
    void numbersBeyondTheLimitAreNotRead() {
        JsonMapper.Builder builder = JsonMapper.builder();
        new StrictJson().nothingIsCoerced().customize(builder);
        ByteArrayInputStream in = new ByteArrayInputStream(
                ("{\"values\": [" + "1,".repeat(2 * MIB) + "1]}").getBytes(StandardCharsets.US_ASCII));

        assertThatThrownBy(() -> builder.build().readValue(in, Body.class))
                .isInstanceOf(StrictJson.UnfitNumbers.class)
                .hasMessageContaining("between 0 and 1000");
        assertThat(in.available()).isGreaterThan(4 * MIB - 20_000);
    }

    @FunctionalInterface
    private interface Handling {
        void accept(Object request, Object response) throws Exception;
    }

    /** A request of that length, or a chunked one where it is negative. */
    private MockHttpServletResponse send(int length, Handling handling) {
        MockHttpServletRequest request = new MockHttpServletRequest("POST", "/") {
            @Override
            public long getContentLengthLong() {
                return length;
            }
        };
        if (length < 0) {
            request.addHeader("Transfer-Encoding", "chunked");
        }
        MockHttpServletResponse response = new MockHttpServletResponse();
        FilterChain chain = (in, out) -> {
            try {
                handling.accept(in, out);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        };
        try {
            filter.doFilter(request, response, chain);
        } catch (java.io.IOException | jakarta.servlet.ServletException e) {
            throw new IllegalStateException(e);
        }
        return response;
    }
}
