package dev.slipway.analysis.analyses;

import jakarta.validation.Constraint;
import jakarta.validation.ConstraintValidator;
import jakarta.validation.ConstraintValidatorContext;
import jakarta.validation.Payload;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Arrays;

/** No element is NaN or infinite, which JSON numbers beyond the range of a double become. */
@Target(ElementType.FIELD)
@Retention(RetentionPolicy.RUNTIME)
@Constraint(validatedBy = Finite.Validator.class)
@interface Finite {

    String message() default "must hold finite numbers alone";

    Class<?>[] groups() default {};

    Class<? extends Payload>[] payload() default {};

    class Validator implements ConstraintValidator<Finite, double[]> {

        @Override
        public boolean isValid(double[] values, ConstraintValidatorContext context) {
            return values == null || Arrays.stream(values).allMatch(Double::isFinite);
        }
    }
}
