package dev.slipway.analysis.http;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Bounds what the bodies in work may take of the heap, which is a few times their length: numbers of two characters
 * become eight bytes each. A large body waits a moment for its share, and is refused where none gets free.
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE + 3)
class LargeBodies extends OncePerRequestFilter {

    private static final int SMALL = 30_000;
    private static final int LARGEST = 4 << 20; // As nginx's client_max_body_size.
    private static final int GROWTH = 4;
    private static final int WAIT = 1000; // ms

    private final Semaphore room = new Semaphore(4 * LARGEST, true); // Bytes.

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        long length = request.getContentLengthLong();
        if (length > LARGEST) {
            ErrorPage.send(request, response, HttpStatus.CONTENT_TOO_LARGE, Problems.SEND_LESS);
            return;
        }
        int share = share(length, request.getHeader(HttpHeaders.TRANSFER_ENCODING) != null);
        if (!acquire(share)) {
            response.setHeader(HttpHeaders.RETRY_AFTER, "1");
            ErrorPage.send(request, response, HttpStatus.SERVICE_UNAVAILABLE, "Too many large bodies are in work: try again in a moment.");
            return;
        }
        try {
            chain.doFilter(request, response);
        } finally {
            room.release(share);
        }
    }

    /** A body that does not say how long it is may become as long as any. */
    private static int share(long length, boolean chunked) {
        if (length < 0) {
            return chunked ? LARGEST : 0;
        }
        return length < SMALL ? 0 : (int) Math.min(GROWTH * length, LARGEST);
    }

    private boolean acquire(int share) {
        try {
            return share == 0 || room.tryAcquire(share, WAIT, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
