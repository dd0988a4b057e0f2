package dev.slipway.analysis.http;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.beans.PropertyEditor;
import java.beans.PropertyEditorSupport;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.convert.ConversionService;
import org.springframework.http.HttpHeaders;
import org.springframework.http.converter.ByteArrayHttpMessageConverter;
import org.springframework.http.converter.HttpMessageConverters;
import org.springframework.http.converter.ResourceHttpMessageConverter;
import org.springframework.http.converter.StringHttpMessageConverter;
import org.springframework.http.converter.json.JacksonJsonHttpMessageConverter;
import org.springframework.validation.Validator;
import org.springframework.web.bind.support.ConfigurableWebBindingInitializer;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.NoHandlerFoundException;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/** The API speaks JSON, whatever else the class path could; and a parameter is what it looks like, or is refused. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnWebApplication
class StrictWeb implements WebMvcConfigurer {

    private static final Set<Class<?>> SERVED = Set.of(
            JacksonJsonHttpMessageConverter.class, ByteArrayHttpMessageConverter.class, ResourceHttpMessageConverter.class,
            StringHttpMessageConverter.class);
    private static final Pattern INTEGER = Pattern.compile("-?[0-9]+");
    private static final Pattern ID = Pattern.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}");

    @Override
    public void configureMessageConverters(HttpMessageConverters.ServerBuilder builder) {
        builder.configureMessageConvertersList(
                converters -> converters.removeIf(converter -> SERVED.stream().noneMatch(type -> type.isInstance(converter))));
    }

    /** Spring's own editors would take 0x10, full-width digits, blanks around and 1-1-1-1-1. */
    @Bean
    static ConfigurableWebBindingInitializer takeWhatIsMeant(
            @Qualifier("mvcConversionService") ConversionService conversion, @Qualifier("mvcValidator") Validator validator) {
        ConfigurableWebBindingInitializer initializer = new ConfigurableWebBindingInitializer();
        initializer.setConversionService(conversion);
        initializer.setValidator(validator);
        initializer.setPropertyEditorRegistrar(registry -> {
            registry.registerCustomEditor(int.class, exact(INTEGER, Integer::valueOf));
            registry.registerCustomEditor(UUID.class, exact(ID, UUID::fromString));
        });
        return initializer;
    }

    /** springdoc would serve the API's document as YAML, too. */
    @Override
    public void addInterceptors(InterceptorRegistry registry) {
        registry.addInterceptor(new HandlerInterceptor() {
            @Override
            public boolean preHandle(HttpServletRequest request, HttpServletResponse response, Object handler) throws NoHandlerFoundException {
                throw new NoHandlerFoundException(request.getMethod(), request.getRequestURI(), HttpHeaders.EMPTY);
            }
        }).addPathPatterns("/api/openapi.yaml");
    }

    private static PropertyEditor exact(Pattern form, Function<String, Object> parse) {
        return new PropertyEditorSupport() {
            @Override
            public void setAsText(String text) {
                if (!form.matcher(text).matches()) {
                    throw new IllegalArgumentException("not " + form);
                }
                setValue(parse.apply(text));
            }
        };
    }
}
