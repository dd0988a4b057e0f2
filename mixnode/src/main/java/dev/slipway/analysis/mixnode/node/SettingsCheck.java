package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Keys;
import jakarta.validation.Validation;
import jakarta.validation.ValidatorFactory;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.bind.validation.ValidationBindHandler;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.validation.beanvalidation.SpringValidatorAdapter;

/** Looks at every setting before anything starts, so that nothing else is logged about one that is wrong. */
final class SettingsCheck implements ApplicationContextInitializer<ConfigurableApplicationContext> {

    @Override
    public void initialize(ConfigurableApplicationContext context) {
        try (ValidatorFactory validators = Validation.buildDefaultValidatorFactory()) {
            ValidationBindHandler validated = new ValidationBindHandler(new SpringValidatorAdapter(validators.getValidator()));
            NodeProperties properties = Binder.get(context.getEnvironment()).bindOrCreate("mixnode", Bindable.of(NodeProperties.class), validated);
            Keys.readPrivate(properties.keyFile());
            boolean production = context.getEnvironment().matchesProfiles("production");
            if (production && Keys.isDevelopment(properties.keyFile())) {
                throw new Keys.KeyFileException("The key file " + properties.keyFile() + " is development's, which everybody knows: call"
                        + " bash scripts/secrets.sh, which makes keys of this host's own and sets MIXNODE_KEYS.");
            }
            if (properties.isServiceNext()) {
                String token = Service.readToken(properties.tokenFile());
                if (production && token.contains("_development")) {
                    throw new Keys.KeyFileException("The token file " + properties.tokenFile() + " is development's, which everybody knows: call"
                            + " bash scripts/secrets.sh, which makes one of this host's own.");
                }
            }
        }
    }
}
