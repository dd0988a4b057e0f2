package dev.slipway.analysis.access;

import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/** What a method denies is answered where all else is denied, and is no unexpected error. */
@RestControllerAdvice
@Order(Ordered.HIGHEST_PRECEDENCE)
class Denied {

    @ExceptionHandler
    void passOn(AccessDeniedException e) {
        throw e;
    }
}
