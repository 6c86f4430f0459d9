// Package channel delivers messages about incidents to the services that people look at: chat, mail, paging, a webhook, and
// the user's own Alertmanager.
//
// Every service is a [Channel]. What a delivery came to is one of four outcomes: nil for done, or a [Failure] that says to try
// again later, that the configuration is wrong, or that the content was refused and has to be rendered smaller. Services that
// answer HTTP 200 with an error in the body are read by that body.
//
//	s := channel.Settings{URL: "https://hooks.slack.com/services/T0/B0/x"}
//	c, errs := channel.New("slack", s, channel.Options{})
//	…
//	receipt, err := c.Send(ctx, channel.Delivery{Message: m})
//
// Nothing here keeps state: who sends stores the thread that a receipt brings and hands it over with the next message.
package channel
