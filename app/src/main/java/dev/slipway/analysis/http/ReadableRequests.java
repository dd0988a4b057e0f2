package dev.slipway.analysis.http;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.tomcat.util.http.InvalidParameterException;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import org.springframework.web.cors.CorsUtils;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.util.ContentCachingResponseWrapper;

/** Refuses what cannot be read before anything trips over it, and lets no cache keep an answer, unless whoever gives it says so. */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE + 2)
class ReadableRequests extends OncePerRequestFilter {

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
        response.setHeader(HttpHeaders.VARY, HttpHeaders.ACCEPT_ENCODING); // The gateway compresses.
        if (!hasReadableQuery(request)) {
            ErrorPage.send(request, response, HttpStatus.BAD_REQUEST,
                    "The query cannot be read: each parameter comes once and needs a name, and each % two hexadecimal digits after it.");
        } else if (!hasMediaType(request)) {
            ErrorPage.send(request, response, HttpStatus.UNSUPPORTED_MEDIA_TYPE, Problems.SEND_JSON);
        } else if (CorsUtils.isPreFlightRequest(request)) {
            ErrorPage.send(request, response, HttpStatus.FORBIDDEN, "Pages of other origins may not call the API.");
        } else {
            // Spring flushes before the end, and so twice: this sends an answer at once, with its length.
            ContentCachingResponseWrapper whole = new ContentCachingResponseWrapper(response);
            chain.doFilter(request, whole);
            whole.copyBodyToResponse();
        }
    }

    private static boolean hasReadableQuery(HttpServletRequest request) {
        try {
            return request.getQueryString() == null || request.getParameterMap().values().stream().allMatch(values -> values.length == 1);
        } catch (InvalidParameterException e) {
            return false;
        }
    }

    private static boolean hasMediaType(HttpServletRequest request) {
        try {
            return request.getContentType() == null || MediaType.parseMediaType(request.getContentType()).isConcrete();
        } catch (InvalidMediaTypeException e) {
            return false;
        }
    }
}
