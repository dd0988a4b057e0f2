package dev.slipway.analysis.page;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Collections;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpInputMessage;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.converter.FormHttpMessageConverter;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.servlet.HandlerExceptionResolver;

/** Reads the forms of pages, where for all else, the API, Tomcat takes none; a stranger's is short. */
class Forms extends OncePerRequestFilter {

    private static final int LONGEST = 4 << 20; // As nginx's client_max_body_size.
    private static final int LONGEST_OF_STRANGER = 16 << 10;

    private final HandlerExceptionResolver resolver;
    private final FormHttpMessageConverter converter = new FormHttpMessageConverter();

    Forms(HandlerExceptionResolver resolver) {
        this.resolver = resolver;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        if (!HttpMethod.POST.matches(request.getMethod()) || !isForm(request.getContentType())) {
            chain.doFilter(request, response);
            return;
        }
        int longest = SecurityContextHolder.getContext().getAuthentication() == null ? LONGEST_OF_STRANGER : LONGEST;
        Map<String, String> fields;
        try {
            byte[] body = request.getInputStream().readNBytes(longest + 1);
            if (body.length > longest) {
                refuse(request, response, HttpStatus.CONTENT_TOO_LARGE, "The form is longer than is accepted: send less at once.");
                return;
            }
            fields = converter.read(null, message(body)).toSingleValueMap();
        } catch (IOException | HttpMessageNotReadableException e) { // It ended early, or a % is without its two digits.
            refuse(request, response, HttpStatus.BAD_REQUEST, "The form did not come whole: reload the page and send it again.");
            return;
        }
        chain.doFilter(new WithFields(request, fields), response);
    }

    private void refuse(HttpServletRequest request, HttpServletResponse response, HttpStatus status, String detail) {
        ErrorResponseException refused = new ErrorResponseException(status);
        refused.setDetail(detail);
        resolver.resolveException(request, response, null, refused);
    }

    private static boolean isForm(@Nullable String contentType) {
        return contentType != null && MediaType.APPLICATION_FORM_URLENCODED.isCompatibleWith(MediaType.parseMediaType(contentType));
    }

    private static HttpInputMessage message(byte[] body) {
        return new HttpInputMessage() {
            @Override
            public InputStream getBody() {
                return new ByteArrayInputStream(body);
            }

            @Override
            public HttpHeaders getHeaders() {
                return HttpHeaders.EMPTY;
            }
        };
    }

    /** The form's fields; of the query nothing. */
    private static class WithFields extends HttpServletRequestWrapper {

        private final Map<String, String[]> fields = new HashMap<>();

        WithFields(HttpServletRequest request, Map<String, String> fields) {
            super(request);
            fields.forEach((name, value) -> this.fields.put(name, new String[] {value == null ? "" : value}));
        }

        @Override
        public @Nullable String getParameter(String name) {
            String[] values = fields.get(name);
            return values == null ? null : values[0];
        }

        @Override
        public String @Nullable [] getParameterValues(String name) {
            return fields.get(name);
        }

        @Override
        public Map<String, String[]> getParameterMap() {
            return Collections.unmodifiableMap(fields);
        }

        @Override
        public Enumeration<String> getParameterNames() {
            return Collections.enumeration(fields.keySet());
        }
    }
}
