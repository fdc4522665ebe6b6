namespace Containers;

/// <summary>An image is not what it should be, or is not there. The message says which image, what is wrong and where in it.</summary>
public sealed class ImageException : ContainerException
{
    /// <summary>Creates one from its parts.</summary>
    /// <param name="message">Which image, what is wrong and where in it.</param>
    /// <param name="hint">What would help, as a sentence.</param>
    /// <param name="innerException">The failure behind it.</param>
    public ImageException(string message, string? hint = null, Exception? innerException = null)
        : base(Images.ForeignText.Shown(message), Images.ForeignText.Shown(hint), innerException)
    {
    }
}
