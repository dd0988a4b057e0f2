package dev.slipway.analysis.production;

import dev.slipway.analysis.StartFailure;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.core.env.Environment;

/** Refuses to start with a secret that is missing, too short to be one, read differently elsewhere, or the one that everybody knows. */
@Configuration(proxyBeanMethods = false)
@Profile("production")
class SecretsCheck {

    /** Characters. scripts/secrets.sh makes 43, which is 256 bits. */
    private static final int SHORTEST = 20;

    /** What every reader takes alike, the database's configuration files and the shell's among them. */
    private static final Pattern PLAIN = Pattern.compile("[!#-&(-\\[\\]-~]+");

    /** Each password by the property that asks for it. */
    private static final Map<String, String> PASSWORDS = Map.of(
            "spring.datasource.url", "spring.datasource.password",
            "spring.flyway.url", "spring.flyway.password");

    /** Throws a {@link StartFailure} if one is not fit for production, which names the secret and never holds it. */
    @Bean
    static BeanFactoryPostProcessor beforeAnyConnection(Environment environment) {
        return factory -> PASSWORDS.forEach((asksForIt, password) -> {
            if (environment.containsProperty(asksForIt)) {
                check(password, environment.getProperty(password));
            }
        });
    }

    private static void check(String name, @Nullable String secret) {
        if (secret == null || secret.isEmpty()) {
            throw unfit(name, "is missing or empty.");
        }
        if (!PLAIN.matcher(secret).matches()) {
            throw unfit(name, "is not one line of plain characters (no space, quote, backslash or Windows line end).");
        }
        if (secret.startsWith("development-only")) {
            throw unfit(name, "is development's, which everybody knows.");
        }
        if (secret.length() < SHORTEST) {
            throw unfit(name, "has fewer than " + SHORTEST + " characters.");
        }
    }

    private static StartFailure unfit(String name, String why) {
        return new StartFailure("The secret " + name + " " + why, "Run bash scripts/secrets.sh on the host, which makes what is missing.");
    }
}
