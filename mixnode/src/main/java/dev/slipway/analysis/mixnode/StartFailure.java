package dev.slipway.analysis.mixnode;

import dev.slipway.analysis.mixnode.packet.Keys;
import java.util.Locale;
import java.util.stream.Collectors;
import org.springframework.boot.SpringBootExceptionReporter;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.validation.BindValidationException;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.convert.ConversionFailedException;
import org.springframework.validation.FieldError;
import org.springframework.validation.ObjectError;

/** Says in one line which setting keeps a node from starting; what it does not know goes to Spring Boot's own reporter. */
@Order(Ordered.HIGHEST_PRECEDENCE)
final class StartFailure implements SpringBootExceptionReporter {

    @Override
    public boolean reportException(Throwable failure) {
        String message = message(failure);
        if (message != null) {
            System.err.println("mixnode: " + message);
        }
        return message != null;
    }

    private static String message(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof Keys.KeyFileException) {
                return cause.getMessage();
            }
            if (cause instanceof BindValidationException invalid) {
                return invalid.getValidationErrors().getAllErrors().stream()
                        .map(StartFailure::message)
                        .sorted()
                        .collect(Collectors.joining("; "));
            }
            if (cause instanceof BindException unbound && cause.getCause() instanceof ConversionFailedException conversion) {
                return variable(unbound.getName().toString()) + " is \"" + conversion.getValue() + "\": it must be of type "
                        + conversion.getTargetType().getType().getSimpleName();
            }
        }
        return null;
    }

    private static String message(ObjectError error) {
        if (error instanceof FieldError field && !field.getField().startsWith("nextHopSet") && !field.getField().startsWith("roomFor")) {
            return variable(field.getField().replaceAll("([A-Z])", "-$1")) + " is \"" + field.getRejectedValue() + "\": it "
                    + field.getDefaultMessage();
        }
        return error.getDefaultMessage();
    }

    private static String variable(String property) {
        return property.startsWith("logging.level")
                ? "LOG_LEVEL"
                : property.replaceFirst("^mixnode\\.", "").replace('-', '_').toUpperCase(Locale.ROOT);
    }
}
