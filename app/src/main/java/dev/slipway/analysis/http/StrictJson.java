package dev.slipway.analysis.http;

import jakarta.validation.constraints.Size;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.jackson.autoconfigure.JsonMapperBuilderCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.BeanProperty;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.cfg.CoercionAction;
import tools.jackson.databind.cfg.CoercionInputShape;
import tools.jackson.databind.deser.std.StdDeserializer;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.type.LogicalType;

/** A field is of the JSON type that the API's document says: nothing is made a number or a text that is none, and nothing comes twice. */
@Configuration(proxyBeanMethods = false)
class StrictJson {

    @Bean
    JsonMapperBuilderCustomizer nothingIsCoerced() {
        return builder -> builder
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .withCoercionConfig(LogicalType.Textual, text -> text
                        .setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                        .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                        .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
                .addModule(new SimpleModule("numbers").addDeserializer(double[].class, new Numbers(null)));
    }

    /** Reads numbers no further than the first one beyond the field's {@link Size}: an array costs memory before it is counted. */
    static class Numbers extends StdDeserializer<double[]> {

        private final @Nullable Size size;

        Numbers(@Nullable Size size) {
            super(double[].class);
            this.size = size;
        }

        @Override
        public ValueDeserializer<?> createContextual(DeserializationContext context, @Nullable BeanProperty property) {
            return property == null ? this : new Numbers(property.getAnnotation(Size.class));
        }

        @Override
        public double[] deserialize(JsonParser parser, DeserializationContext context) {
            if (!parser.isExpectedStartArrayToken()) {
                throw MismatchedInputException.from(parser, double[].class, "no array");
            }
            double[] numbers = new double[256];
            int count = 0;
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (!parser.hasToken(JsonToken.VALUE_NUMBER_INT) && !parser.hasToken(JsonToken.VALUE_NUMBER_FLOAT)) {
                    MismatchedInputException noNumber = MismatchedInputException.from(parser, double.class, "no number");
                    noNumber.prependPath(numbers, count);
                    throw noNumber;
                }
                if (size != null && count == size.max()) {
                    throw new UnfitNumbers(parser, "size must be between " + size.min() + " and " + size.max());
                }
                if (count == numbers.length) {
                    numbers = Arrays.copyOf(numbers, 2 * count);
                }
                numbers[count] = parser.getDoubleValue();
                if (Double.isInfinite(numbers[count++])) {
                    throw new UnfitNumbers(parser, "must hold finite numbers alone");
                }
            }
            return Arrays.copyOf(numbers, count);
        }
    }

    /** Numbers that are too many or beyond the range of a double; its message says what the field must be. */
    static class UnfitNumbers extends MismatchedInputException {

        UnfitNumbers(JsonParser parser, String message) {
            super(parser, message);
        }
    }
}
